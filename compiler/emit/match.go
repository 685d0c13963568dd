package emit

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// match returns a match's own words, "-m name …", or "" for one that iptables
// prints among the first words of a rule.
func match(family ruleset.Family, m ruleset.Match) string {
	switch m := m.(type) {
	case ruleset.Source, ruleset.Destination, ruleset.Interface, ruleset.OutInterface, ruleset.Proto:
		return ""
	case ruleset.Ports:
		return ports(m)
	case ruleset.TCPFlags:
		return fmt.Sprintf("-m tcp %s--tcp-flags %s %s", not(m.Not), flags(m.Mask), flags(m.Set))
	case ruleset.TCPWindow:
		return tcpWindow(m)
	case ruleset.TCPStart:
		return tcpStart(m)
	case ruleset.MayFragment:
		return mayFragment()
	case ruleset.TCPOption:
		return fmt.Sprintf("-m tcp %s--tcp-option %d", not(m.Not), m.Kind)
	case ruleset.Extended:
		return extended()
	case ruleset.IPOptions:
		return ipOptions()
	case ruleset.NextHeader:
		return nextHeader(m)
	case ruleset.ICMPType:
		return icmpType(m)
	case ruleset.HopLimit:
		return fmt.Sprintf("-m hl --hl-eq %d", m.Equal)
	case ruleset.HopsLeft:
		return hopsLeft(m)
	case ruleset.Longer:
		return longer(m)
	case ruleset.InSet:
		return inSet(m)
	case ruleset.SourceRate:
		return sourceRate(family, m)
	case ruleset.Limit:
		return limit(m.Rate)
	case ruleset.Recent:
		return recent(family, m)
	case ruleset.ConnLimit:
		return fmt.Sprintf("-m connlimit --connlimit-above %d --connlimit-mask %d --connlimit-saddr", m.Above, m.Prefix)
	case ruleset.AddressType:
		return addressType(m)
	case ruleset.ForeignSource:
		return "-m addrtype ! --src-type LOCAL"
	case ruleset.NoSocket:
		return "-m owner ! --socket-exists"
	case ruleset.Socket:
		return socket(m)
	}
	return connection(m)
}

// connection is match, of a match that asks conntrack.
func connection(m ruleset.Match) string {
	switch m := m.(type) {
	case ruleset.ConnState:
		return connState(m)
	case ruleset.ConnStatus:
		return fmt.Sprintf("-m conntrack %s--ctstatus %s", not(m.Not), m.Status)
	case ruleset.ConnAssured:
		return "-m conntrack --ctstate ESTABLISHED --ctstatus ASSURED --ctdir ORIGINAL"
	case ruleset.ConnOriginal:
		return "-m conntrack --ctdir ORIGINAL"
	case ruleset.ConnReply:
		return "-m conntrack --ctdir REPLY"
	case ruleset.OriginalPort:
		return "-m conntrack --ctorigdstport " + portList([]ruleset.PortRange{m.Ports})
	}
	panic(fmt.Sprintf("emit: unknown match %T", m))
}

func connState(m ruleset.ConnState) string {
	words := fmt.Sprintf("-m conntrack %s--ctstate %s", not(m.Not), states(m.States))
	if m.Confirmed {
		words += " --ctstatus CONFIRMED"
	}
	return words
}

// inSet prints the options in the order of set_save_v4 in iptables' libxt_set.
func inSet(m ruleset.InSet) string {
	words := tablefile.SetMatch{Set: m.Set, Direction: string(m.Direction), Not: m.Not}.String()
	if m.Uncounted {
		words += " ! --update-counters"
	}
	if m.Above > 0 {
		words += fmt.Sprintf(" --packets-gt %d", m.Above)
	}
	return words
}

func addressType(m ruleset.AddressType) string {
	if len(m.Source) > 0 {
		return "-m addrtype " + not(m.Not) + "--src-type " + strings.Join(m.Source, ",")
	}
	return "-m addrtype " + not(m.Not) + "--dst-type " + strings.Join(m.Destination, ",")
}

func socket(m ruleset.Socket) string {
	if m.Wildcard {
		return "-m socket --nowildcard"
	}
	return "-m socket"
}

// not is iptables' negation, which is before the option.
func not(negated bool) string {
	if negated {
		return "! "
	}
	return ""
}

func ports(m ruleset.Ports) string {
	if m.Protocol != ruleset.TCP && m.Protocol != ruleset.UDP {
		return "-m multiport --dports " + portList(m.Destination)
	}
	if len(m.Source) > 1 {
		return "-m multiport --sports " + portList(m.Source)
	}
	if len(m.Destination) > 1 || m.Listed {
		return "-m multiport --dports " + portList(m.Destination)
	}
	words := "-m " + string(m.Protocol)
	if len(m.Source) == 1 {
		words += " --sport " + portList(m.Source)
	}
	if len(m.Destination) == 1 {
		words += " --dport " + portList(m.Destination)
	}
	return words
}

func portList(ranges []ruleset.PortRange) string {
	var texts []string
	for _, r := range ranges {
		text := fmt.Sprint(r.First)
		if !r.Single() {
			text = fmt.Sprintf("%d:%d", r.First, r.Last)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}

func flags(set ruleset.Flag) string {
	return names(uint(set), "NONE", "FIN", "SYN", "RST", "PSH", "ACK", "URG")
}

func states(set ruleset.State) string {
	return names(uint(set), "", "INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "DNAT")
}

// names lists the names of the bits of set, lowest first, or none.
func names(set uint, none string, all ...string) string {
	var on []string
	for bit, name := range all {
		if set&(1<<bit) != 0 {
			on = append(on, name)
		}
	}
	if len(on) == 0 {
		return none
	}
	return strings.Join(on, ",")
}

func icmpType(m ruleset.ICMPType) string {
	kind := fmt.Sprint(m.Type)
	if m.HasCode {
		kind += fmt.Sprintf("/%d", m.Code)
	}
	if m.Family == ruleset.V6 {
		return "-m icmp6 --icmpv6-type " + kind
	}
	return "-m icmp --icmp-type " + kind
}

// sourceRate prints hashlimit's options in the order of hashlimit_mt_save in
// iptables' libxt_hashlimit. It leaves out an expiry of one unit of the rate and
// a mask of whole addresses, as that does.
func sourceRate(family ruleset.Family, m ruleset.SourceRate) string {
	bound := "above"
	if m.UpTo {
		bound = "upto"
	}
	mode := "srcip"
	if m.Ports {
		mode = "srcip,dstport"
	}
	words := fmt.Sprintf("-m hashlimit --hashlimit-%s %d/%s --hashlimit-burst %d --hashlimit-mode %s --hashlimit-name %s --hashlimit-htable-max %d",
		bound, m.Rate.Count, m.Rate.Unit, m.Rate.Burst, mode, m.Name, m.TableMax)
	if m.Expire != m.Rate.Unit.Duration() {
		words += fmt.Sprintf(" --hashlimit-htable-expire %d", m.Expire/time.Millisecond)
	}
	if m.Prefix != family.Bits() {
		words += fmt.Sprintf(" --hashlimit-srcmask %d", m.Prefix)
	}
	return words
}

// limit leaves out the default burst of 5, as iptables-save does.
func limit(rate ruleset.Rate) string {
	words := fmt.Sprintf("-m limit --limit %d/%s", rate.Count, rate.Unit)
	if rate.Burst != 5 {
		words += fmt.Sprintf(" --limit-burst %d", rate.Burst)
	}
	return words
}

func recent(family ruleset.Family, m ruleset.Recent) string {
	words := "-m recent --" + string(m.Action)
	if m.Action != ruleset.RecentSet {
		words += fmt.Sprintf(" --seconds %d --reap --hitcount %d", m.Window/time.Second, m.Hits)
	}
	return fmt.Sprintf("%s --name %s --mask %s --rsource", words, m.Name, netmask(family, m.Prefix))
}

// netmask writes a prefix length as the address that iptables prints for it.
func netmask(family ruleset.Family, length int) string {
	ones := netip.MustParseAddr("255.255.255.255")
	if family == ruleset.V6 {
		ones = netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	}
	return netip.PrefixFrom(ones, length).Masked().Addr().String()
}
