package starter

import (
	"path"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// csf reads csf.conf, csf.allow or csf.deny, as csf 14 and 15 document them.
func (b *builder) csf(f File) error {
	switch path.Base(f.Name) {
	case "csf.allow":
		b.csfList(f, "ACCEPT")
	case "csf.deny":
		b.csfList(f, "DROP")
	default:
		b.csfSettings(f)
	}
	return nil
}

// opens are the settings of csf that open ports.
var opens = map[string]struct {
	protocol string
	family   ruleset.Family
}{
	"TCP_IN": {"tcp", ruleset.V4}, "UDP_IN": {"udp", ruleset.V4}, "TCP6_IN": {"tcp", ruleset.V6}, "UDP6_IN": {"udp", ruleset.V6},
}

// notCarried are the settings of csf that decide about packets and that no rule here stands
// for, with what to do.
var notCarried = map[string]string{
	"TCP_OUT": outgoing, "UDP_OUT": outgoing, "TCP6_OUT": outgoing, "UDP6_OUT": outgoing,
	"CONNLIMIT": limited, "PORTFLOOD": limited, "SYNFLOOD": limited, "UDPFLOOD": limited, "ICMP_IN_RATE": limited,
	"CC_DENY": country, "CC_ALLOW": country, "CC_ALLOW_FILTER": country, "CC_ALLOW_PORTS": country, "CC_DENY_PORTS": country,
	"SMTP_BLOCK": outgoing, "DROP_OUT": outgoing, "DYNDNS": "names of hosts: state their addresses", "GLOBAL_ALLOW": "a list from elsewhere: state it as a set with files",
	"GLOBAL_DENY": "a list from elsewhere: state it as a set with files", "PORTKNOCKING": "a knock: state it in [knocks]",
}

const (
	outgoing = "packets that this host sends: a profile leaves OUTPUT as it is"
	limited  = "a limit: state new_per_source or connections_per_source of the service"
	country  = "countries: state their networks as a set with files"
)

// csfSettings reads csf.conf.
func (b *builder) csfSettings(f File) {
	ipv6 := strings.Contains(string(f.Text), "\nIPV6 = \"1\"")
	for l := range f.lines {
		key, value, _ := strings.Cut(l.Text, "=")
		key, value = strings.TrimSpace(key), strings.Trim(strings.TrimSpace(value), `"`)
		open, is := opens[key]
		switch {
		case value == "" || value == "0":
		case is && (open.family == ruleset.V4 || ipv6):
			b.ports(l, "-p "+open.protocol+" ", open.protocol, value, "ACCEPT", open.family)
		case notCarried[key] != "":
			b.leave(l, notCarried[key])
		}
	}
}

// ports adds a rule for each port of a list such as "22,80,30000:35000".
func (b *builder) ports(l Line, before, protocol, list, target string, family ruleset.Family) {
	for port := range strings.SplitSeq(list, ",") {
		port = strings.TrimSpace(port)
		if strings.Trim(port, "0123456789:") != "" || port == "" {
			b.leave(l, "no port: "+port)
			continue
		}
		b.add(l, before+"-m "+protocol+" --dport "+port+" -j "+target, family)
	}
}

// csfList reads csf.allow or csf.deny: addresses, and lines such as
// "tcp|in|d=22|s=192.0.2.1".
func (b *builder) csfList(f File, target string) {
	for l := range f.lines {
		word, _, _ := strings.Cut(l.Text, "#")
		word = strings.TrimSpace(word)
		if words, family, ok := source(word); ok {
			b.add(l, words+"-j "+target, family)
		} else if !b.csfAdvanced(l, word, target) {
			b.leave(l, "import does not read this line")
		}
	}
}

// csfAdvanced reads a line with a protocol and a port.
func (b *builder) csfAdvanced(l Line, text, target string) bool {
	parts := strings.Split(text, "|")
	if len(parts) != 4 || !slices.Contains([]string{"tcp", "udp"}, parts[0]) {
		return false
	}
	if parts[1] == "out" {
		b.leave(l, outgoing)
		return true
	}
	port, isPort := strings.CutPrefix(parts[2], "d=")
	address, isSource := strings.CutPrefix(parts[3], "s=")
	words, family, ok := source(address)
	if parts[1] != "in" || !isPort || !isSource || !ok {
		return false
	}
	b.ports(l, words+"-p "+parts[0]+" ", parts[0], strings.ReplaceAll(port, "_", ":"), target, family)
	return true
}
