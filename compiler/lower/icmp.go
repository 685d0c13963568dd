package lower

import (
	"net/netip"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Types of ICMP messages (RFC 792) and of ICMPv6 (RFC 4443, 4861, 3810).
const (
	echoRequest   = 8
	echoRequestV6 = 128
	packetTooBig  = 2
)

// echo answers echo requests at a rate of each source's own, and without one those of
// sources that the profile names. A ping that goes
// on is an open flow to conntrack, so the limit is before their accept.
//
// An answer repeats the code of its request, which Windows does not, and its IP options,
// in which it says when it came and by which address: this host's clock, and what it is
// called behind a NAT. No ping has a code, and ping -R and -T are for those who are
// trusted, and for the sources that the profile names.
//
// A ban changes nothing here: a scanner would learn by a ping whether the port that
// it tried last is one that counts.
func (f *filter) echo() []ruleset.Rule {
	icmp := f.profile.ICMP
	if !icmp.EchoPerSource.Stated() && len(icmp.EchoFrom) == 0 || f.disabled() {
		return nil
	}
	p := f.part("icmp", icmp.Position)
	if icmp.EchoPerSource.Stated() {
		p = f.part("icmp.echo_per_source", icmp.EchoPerSource.Position)
	}
	var rules []ruleset.Rule
	for _, sources := range []struct {
		set    string
		target ruleset.Verdict
	}{{"trusted", ruleset.Accept}, {"block", ruleset.Drop}, {"jail", ruleset.Drop}, {"lines", ruleset.Drop}, {"echo", ruleset.Accept}} {
		if f.has(sources.set) {
			rules = append(rules, p.rule(sources.set+" sources", sources.target, f.inSet(sources.set)))
		}
	}
	if icmp.EchoPerSource.Stated() {
		if f.family == ruleset.V4 {
			rules = append(rules, p.rule("IP options", ruleset.Drop, ruleset.IPOptions{}))
		}
		ping := f.echoType()
		ping.HasCode = true
		rules = append(rules, p.rule("", ruleset.Accept, ping, f.within(p, icmp.EchoPerSource.Rate)))
	}
	rules = append(rules, p.rule("too many", ruleset.Drop))
	return []ruleset.Rule{p.rule("", f.chain("ECHO", rules), f.echoType())}
}

func (f *filter) echoType() ruleset.ICMPType {
	if f.family == ruleset.V6 {
		return ruleset.ICMPType{Family: f.family, Type: echoRequestV6}
	}
	return ruleset.ICMPType{Family: f.family, Type: echoRequest}
}

// neighbours is the ICMPv6 that an IPv6 host cannot live without (RFC 4890,
// section 4.4): neighbour and router discovery, from the link only, which the
// hop limit of 255 proves; and multicast listener discovery, from link-local
// addresses. Redirects are left out. Errors of open connections were accepted
// before, also "packet too big", without which large packets vanish. One that is
// about no connection is forged: the kernel would believe it, and send in small
// packets to where it says (icmpv6_err in the kernel's net/ipv6/icmp.c).
//
// Of IPv4 it is what IGMP asks of the groups (RFC 3376): without an answer a switch
// that listens to it (IGMP snooping) sends this host no multicast any more. Its queries
// go to groups, which are not routed from afar, so no scanner elsewhere can ask.
func (f *filter) neighbours() []ruleset.Rule {
	p := f.policy()
	if f.family == ruleset.V4 {
		return []ruleset.Rule{p.rule("multicast listeners", ruleset.Accept, ruleset.Destination{Prefix: groups}, ruleset.Proto{Protocol: ruleset.IGMP})}
	}
	var rules []ruleset.Rule
	for _, t := range []uint8{133, 134, 135, 136} {
		rules = append(rules, p.rule("neighbour discovery", ruleset.Accept, icmpv6(t), ruleset.HopLimit{Equal: 255}))
	}
	for _, t := range []uint8{130, 131, 132, 143} {
		rules = append(rules, p.rule("multicast listeners", ruleset.Accept, ruleset.Source{Prefix: linkLocal}, icmpv6(t)))
	}
	jump := f.chain("NEIGHBOUR", rules)
	return []ruleset.Rule{p.rule("neighbours", jump, ruleset.Proto{Protocol: ruleset.ICMPv6})}
}

// groups are the addresses of multicast.
var groups = netip.MustParsePrefix("224.0.0.0/4")

func icmpv6(t uint8) ruleset.ICMPType { return ruleset.ICMPType{Family: ruleset.V6, Type: t} }

// otherICMP drops what is left of ICMP. It is noise of the network more often
// than a probe, so it is neither counted nor logged.
func (f *filter) otherICMP() []ruleset.Rule {
	protocol := ruleset.ICMP
	if f.family == ruleset.V6 {
		protocol = ruleset.ICMPv6
	}
	return []ruleset.Rule{f.policy().rule("other icmp", ruleset.Drop, ruleset.Proto{Protocol: protocol})}
}
