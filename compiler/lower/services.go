package lower

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Services are for the sources that they state, by from, a knock or zones, or for anyone.
const (
	toStated = false
	toAnyone = true
)

// services are open to the sources that they state, within their limits. They are
// before a ban that hides only what is not public: a source in a service's from
// list, or one that has knocked, keeps it, however many packets are forged in its name.
//
// Those that state sources are before the fingerprint too: a source that the owner
// knows need not look like a computer. Network gear and printers do not (Cisco IOS
// sends a window of 4128 and the segment size alone). Where services share a port,
// the one for anyone is the last anyway (check).
func (f *filter) services(public bool) []ruleset.Rule {
	var rules []ruleset.Rule
	for _, s := range f.profile.Services {
		if ways := f.ways(s); s.Public() == public && len(ways) > 0 && !f.disabled() {
			rules = append(rules, f.cookie(s, ways)...)
			rules = append(rules, f.serviceRules(s, f.serviceTarget(s), ways)...)
		}
	}
	return rules
}

// ways returns the matches by which a source may reach a service, any of which
// is enough: one that matches everyone, or being listed, or having knocked.
// There is none if this family has no such source at all. By other interfaces than
// those of its zones there is no way.
func (f *filter) ways(s profile.Service) [][]ruleset.Match {
	if s.AnySource() {
		return f.inZones(s, [][]ruleset.Match{nil})
	}
	var ways, zoned [][]ruleset.Match
	for _, from := range f.profile.Sources(s) {
		match, ok := f.fromWay(s, from)
		switch {
		case ok && from.Of == "":
			ways = append(ways, []ruleset.Match{match})
		case ok:
			zoned = append(zoned, byInterfaces(f.untrusted(from.Zones), [][]ruleset.Match{{match}})...)
		}
	}
	if s.Knock.Name != "" {
		ways = append(ways, []ruleset.Match{f.inSet(knocked(s.Knock.Name))})
	}
	return append(f.inZones(s, ways), zoned...)
}

// servicesForTrusted accepts what trusted sources may reach, without limits.
// Admin sources reach admin services whatever these say of others; for exempt
// sources these keep their limits, since a crawler has no business there.
func (f *filter) servicesForTrusted() []ruleset.Rule {
	var rules []ruleset.Rule
	for _, s := range f.profile.Services {
		if s.Admin && f.has("admin") {
			admin := f.inZones(s, [][]ruleset.Match{{f.inSet("admin")}})
			rules = append(rules, f.cookie(s, admin)...)
			rules = append(rules, f.serviceRules(s, f.accept(), admin)...)
		}
		ways := f.ways(s)
		if len(ways) == 0 {
			continue
		}
		var target ruleset.Target = f.accept()
		if s.Admin {
			target = f.serviceTarget(s)
		}
		rules = append(rules, f.cookie(s, ways)...)
		rules = append(rules, f.serviceRules(s, target, ways)...)
	}
	return rules
}

// serviceRules returns the rules that match the ports of a service, for each
// way to it.
func (f *filter) serviceRules(s profile.Service, target ruleset.Target, ways [][]ruleset.Match) []ruleset.Rule {
	var rules []ruleset.Rule
	for _, way := range ways {
		for _, what := range f.offers(s) {
			for _, group := range f.groups(s) {
				rules = append(rules, f.service(s).rule("", target, slices.Concat(what, group, way)...))
			}
		}
	}
	return rules
}

// offers returns the matches for the ports and protocols of a service, any of which is
// of it. A published port is of TCP or UDP, which are what Docker publishes.
func (f *filter) offers(s profile.Service) (all [][]ruleset.Match) {
	protocols := profile.PortProtocols
	if f.published {
		protocols = []profile.Protocol{profile.TCP, profile.UDP}
	}
	for _, protocol := range protocols {
		for _, ports := range f.ports(s, protocol) {
			all = append(all, []ruleset.Match{ports})
		}
	}
	if f.published {
		return all
	}
	for _, p := range s.Protocols {
		if m := f.protocol(p); m != nil {
			all = append(all, []ruleset.Match{m})
		}
	}
	return all
}

// protocol matches the packets of a protocol; nil where the family does not have it.
// iptables knows these names by itself; others are in /etc/protocols, which a small
// system may lack, so they are numbers here.
func (f *filter) protocol(p profile.IPProtocol) ruleset.Match {
	switch {
	case p.Number == profile.ProtocolAH && f.family == ruleset.V6:
		return ruleset.NextHeader{Number: p.Number}
	case p.Number == profile.ProtocolIGMP && f.family == ruleset.V6:
		return nil
	}
	if name := p.String(); slices.Contains([]string{"sctp", "esp", "ah", "udplite"}, name) {
		return ruleset.Proto{Protocol: ruleset.Protocol(name)}
	}
	return ruleset.Proto{Protocol: ruleset.Protocol(fmt.Sprint(p.Number))}
}

// groups returns the matches for the groups of a service that a family has, any of
// which is enough: one that matches every address where it states none.
func (f *filter) groups(s profile.Service) (all [][]ruleset.Match) {
	if len(s.Groups) == 0 {
		return [][]ruleset.Match{nil}
	}
	for _, g := range s.Groups {
		switch {
		case g.Broadcast && f.family == ruleset.V4:
			all = append(all, []ruleset.Match{ruleset.AddressType{Destination: []string{"BROADCAST"}}})
		case g.Address.IsValid() && g.Address.Is4() == (f.family == ruleset.V4):
			all = append(all, []ruleset.Match{ruleset.Destination{Prefix: netip.PrefixFrom(g.Address, g.Address.BitLen())}})
		}
	}
	return all
}

func (f *filter) service(s profile.Service) part { return f.part("services."+s.Name, s.Position) }

// ports returns the matches for the ports of one protocol, any of which is one
// of the service.
func (f *filter) ports(s profile.Service, protocol profile.Protocol) []ruleset.Match {
	if f.published {
		return originalPorts(s, protocol)
	}
	var matches []ruleset.Match
	for _, chunk := range chunks(portsOf(s.Ports, protocol)) {
		matches = append(matches, ruleset.Ports{Protocol: ruleset.Protocol(protocol), Destination: chunk})
	}
	return matches
}

// portsOf returns the ports of one protocol, in order.
func portsOf(ports []profile.Port, protocol profile.Protocol) []ruleset.PortRange {
	var ranges []ruleset.PortRange
	for _, p := range ports {
		if p.Protocol == protocol {
			ranges = append(ranges, ruleset.PortRange{First: p.First, Last: p.Last})
		}
	}
	slices.SortFunc(ranges, func(a, b ruleset.PortRange) int { return int(a.First) - int(b.First) })
	return ranges
}

// multiportSlots is how many ports one multiport match takes, a range counting
// two (XT_MULTI_PORTS in the kernel's xt_multiport.h).
const multiportSlots = 15

func chunks(ranges []ruleset.PortRange) [][]ruleset.PortRange {
	var all [][]ruleset.PortRange
	var chunk []ruleset.PortRange
	used := 0
	for _, r := range ranges {
		slots := 2
		if r.Single() {
			slots = 1
		}
		if used+slots > multiportSlots {
			all, chunk, used = append(all, chunk), nil, 0
		}
		chunk, used = append(chunk, r), used+slots
	}
	if len(chunk) > 0 {
		all = append(all, chunk)
	}
	return all
}

// serviceTarget is Accept, or the chain that holds the limits of a service.
func (f *filter) serviceTarget(s profile.Service) ruleset.Target {
	limits := f.limits(s)
	if len(limits) == 0 {
		return f.accept()
	}
	limited := f.shared("S-"+s.Name, func() []ruleset.Rule {
		return append(limits, f.service(s).rule("", f.accept()))
	})
	return f.decideIn(limited)
}

// limits refuse what is too much from one source; what is left is accepted. A
// service counts in a list "s-NAME", apart from the lists "scan" and "udp":
// customers of a service called scan are not scanners.
func (f *filter) limits(s profile.Service) []ruleset.Rule {
	var rules []ruleset.Rule
	service := f.service(s)
	if s.ConnectionsPerSource.N > 0 && len(portsOf(s.Ports, profile.TCP)) > 0 {
		rules = append(rules, f.limitOpen(s)...)
	}
	udp := len(portsOf(s.Ports, profile.UDP)) > 0
	if udp && (s.NewPerSource.Stated() || f.profile.UDP.NewPerSource.Stated()) {
		rules = append(rules, f.knownFlow(service))
	}
	switch {
	case f.asksCallers(s):
		rules = append(rules, f.limitCallers(s)...)
	case s.NewPerSource.Stated():
		rules = append(rules, f.limitNew(service, "s-"+s.Name, s.NewPerSource)...)
	case udp:
		rules = append(rules, f.udpNew()...)
	}
	return append(rules, f.countCallers(s)...)
}
