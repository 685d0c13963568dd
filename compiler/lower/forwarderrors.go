package lower

import (
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// The kernel refuses to send some packets on before FORWARD is asked: those whose
// time to live ends here, those that are too long for the next link, and those for
// which there is no route or no source address to use (ip_forward and ip_error in
// the kernel's net/ipv4, ip6_forward and ip6_pkt_drop in net/ipv6). It answers each
// with an ICMP error. Behind nat's PREROUTING such an error tells that the port is
// published, whether a service states it or not, and to blocked and banned sources
// too. So OUTPUT keeps these errors in (unsent), and mangle's PREROUTING counts the
// packets that ask for one (early).

// earlyErrors are the ICMP errors by which the kernel says that it does not send a
// packet on. "Too big" and "time exceeded" come first: they tell a port.
var earlyErrors = map[ruleset.Family][]ruleset.ICMPType{
	ruleset.V4: {
		{Family: ruleset.V4, Type: 11, Code: 0, HasCode: true}, // time exceeded
		{Family: ruleset.V4, Type: 3, Code: 4, HasCode: true},  // fragmentation needed
		{Family: ruleset.V4, Type: 3, Code: 0, HasCode: true},  // network unreachable
		{Family: ruleset.V4, Type: 3, Code: 1, HasCode: true},  // host unreachable
		{Family: ruleset.V4, Type: 3, Code: 5, HasCode: true},  // source route failed
	},
	ruleset.V6: {
		{Family: ruleset.V6, Type: 3, Code: 0, HasCode: true}, // time exceeded
		{Family: ruleset.V6, Type: packetTooBig},
		{Family: ruleset.V6, Type: 1, Code: 0, HasCode: true}, // no route
		{Family: ruleset.V6, Type: 1, Code: 2, HasCode: true}, // beyond the scope of the source
		{Family: ruleset.V6, Type: 1, Code: 3, HasCode: true}, // address unreachable
	},
}

// unsent keeps in the errors about packets that no rule has let through: an error
// carries the conntrack entry of the packet that it is about (nf_ct_attach in the
// kernel's icmp.c), which is unconfirmed as long as FORWARD has not decided. An open
// connection learns the path's MTU as ever, and so do this host and its inside.
//
// Where the profile does not say on which interfaces the inside is, this host may be
// a router for others too: only what is published is silent then.
func (f *filter) unsent() []ruleset.Rule {
	published := f.profile.Policy.Forward == profile.Published
	if !published && f.profile.Policy.Forward != profile.Drop {
		return nil
	}
	p := f.forwardPart()
	rules := []ruleset.Rule{p.rule("this host", ruleset.Return, ruleset.OutInterface{Name: "lo"})}
	before := []ruleset.Match{ruleset.ConnStatus{Status: ruleset.StatusConfirmed, Not: true}}
	if published && len(f.profile.Policy.Inside) == 0 {
		before = append([]ruleset.Match{ruleset.ConnState{States: ruleset.StateDNAT}}, before...)
		rules = append(rules, p.rule("no error before a decision", ruleset.Drop, before...))
	} else {
		rules = append(append(rules, f.towardsInside()...),
			p.rule("no error before a decision", ruleset.Drop, before...),
			p.rule("no error before a decision", ruleset.Drop, ruleset.ConnState{States: ruleset.StateInvalid}))
	}
	chain := f.chain("UNSENT", rules)
	var jumps []ruleset.Rule
	for _, t := range earlyErrors[f.family] {
		jumps = append(jumps, p.rule("not sent on", chain, t))
	}
	return jumps
}

func (f *filter) forwardPart() part { return f.part("policy.forward", f.profile.Policy.Position) }

// longest is the most bytes of a packet that goes through any link of IPv6 (RFC
// 8200, section 5), and through the usual tunnels of IPv4. A first packet that is
// longer may have been sent to hear that it is too long.
const longest = 1280

// early counts first packets to what no service states, of which FORWARD may never
// hear. They are probes for INPUT too, where they meet the same counters if nothing
// sends them on. It looks at first packets only, and at the port before any NAT.
func (f *filter) early() []ruleset.Rule {
	if !f.bans() || f.profile.Policy.Input == profile.Reject {
		return nil
	}
	p := f.forwardPart()
	chain := f.chain("EARLY", f.earlyProbes(p))
	local := ruleset.AddressType{Destination: []string{"LOCAL"}}
	first := f.chain("FIRST", []ruleset.Rule{
		p.rule("last hop", chain, ruleset.HopsLeft{Family: f.family, Most: 1}, local),
		p.rule("long", chain, ruleset.Longer{Family: f.family, Than: longest}, local),
	})
	return []ruleset.Rule{
		p.rule("first packet", first, ruleset.TCPFlags{Mask: handshake, Set: ruleset.SYN}),
		p.rule("first packet", first, ruleset.Proto{Protocol: ruleset.UDP}, ruleset.ConnState{States: ruleset.StateNew}),
	}
}

// earlyProbes returns from all that is not a probe for certain: INPUT or FORWARD
// decides about it.
func (f *filter) earlyProbes(p part) []ruleset.Rule {
	rules := []ruleset.Rule{p.rule("loopback", ruleset.Return, ruleset.Interface{Name: "lo"})}
	rules = append(rules, f.byInside()...)
	rules = append(rules, f.trust(ruleset.Return)...)
	if f.has("trusted") {
		rules = append(rules, f.access().rule("trusted sources", ruleset.Return, f.inSet("trusted")))
	}
	rules = append(rules, f.blocked()...)
	asked := &filter{lowering: f.lowering, family: f.family} // ports as they are in the packet
	for _, s := range f.profile.Services {
		if ways := f.ways(s); len(ways) > 0 && !f.disabled() {
			rules = append(rules, asked.serviceRules(s, ruleset.Return, ways)...)
		}
	}
	for _, k := range f.profile.Knocks {
		for _, ports := range sequencePorts(k.Sequence) {
			rules = append(rules, f.knockPart(k).rule("", ruleset.Return, ports))
		}
	}
	rules = append(rules,
		p.rule("late answer", ruleset.Return, asked.lateAnswer()...),
		p.rule("client port", ruleset.Return, ruleset.Ports{Protocol: ruleset.UDP, Destination: clientPorts}))
	rules = append(rules, f.knocks()...)
	return append(rules, p.rule("not stated", f.probe()))
}
