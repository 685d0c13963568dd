package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// publishedPorts returns the table that filters published ports: those that
// Docker, or anyone else, sends on by DNAT, so that INPUT never sees them.
//
// It is mangle, in its FORWARD. That is behind nat's PREROUTING, so that
// conntrack can tell a published port from all else that is forwarded, and
// still knows the port that the client asked for; and it is before filter's
// FORWARD, where Docker puts its rules before those of all others each time
// that it starts, and accepts there. A rule of ours in filter would hold or not
// by who started last. In DOCKER-USER it would be in a chain of others,
// which Docker 20.10 does not even have for IPv6. A rule in raw, before nat,
// cannot tell published ports from those of this host. Docker has no rules in
// mangle's FORWARD, and where others have some, they see everything that is not
// refused here: ours returns what it lets by.
func (l *lowering) publishedPorts(family ruleset.Family) ruleset.Table {
	f := &filter{lowering: l, family: family, published: true}
	jump := ruleset.Rule{
		Target: f.chain("FORWARD", f.publishedWay()),
		Origin: f.origin("policy.forward", l.profile.Policy.Position),
	}
	return f.tableOf("mangle", f.leftHook("PREROUTING", f.early()...), f.leftHook("INPUT"), f.leftHook("FORWARD", jump),
		f.leftHook("OUTPUT"), f.leftHook("POSTROUTING"))
}

// publishedWay is the way of a packet that is forwarded. Only the first packet
// to a published port goes it to the end, and asks what a packet to this host
// asks. A source has one allowance of new connections and of probes for both
// ways, since the kernel counts these by name, whatever the table; connections
// that are open at once are counted on each way by itself.
//
// The port of a probe is the one inside. No set takes the port that the client asked
// for, and before nat nothing tells a published port from one of this host.
func (f *filter) publishedWay() []ruleset.Rule {
	return slices.Concat(
		f.passingTCP(),
		f.refusedBehind(),
		f.fromInside(),
		f.trustPublished(),
		f.udpPackets(),
		f.passingOthers(),
		f.pastPublished(),
		f.trusted(),
		f.blocked(),
		f.jailed(profile.Everything),
		f.firstPackets(),
		f.banned(profile.Everything),
		f.services(toStated),
		f.fingerprint(),
		f.services(toAnyone),
		f.banned(profile.Hidden),
		f.jailed(profile.Hidden),
		f.otherICMP(),
		f.unstated(),
	)
}

// passingTCP is first: it is all that a packet of a stream through this
// host meets. Resets go on where some of them are kept in; all else has ACK.
func (f *filter) passingTCP() []ruleset.Rule {
	tcp := later
	if f.hidesClosed() {
		tcp = ruleset.TCPFlags{Mask: ruleset.RST | ruleset.ACK, Set: ruleset.ACK}
	}
	return []ruleset.Rule{f.policy().rule("open connections", ruleset.Return, tcp, open)}
}

var notPublished = ruleset.ConnState{States: ruleset.StateDNAT, Not: true}

// fromInside lets by what containers, virtual machines and the inside of a
// gateway send, to each other or out. Where the profile does not say on which
// interfaces that is, it is all that no NAT has given another destination.
func (f *filter) fromInside() []ruleset.Rule {
	if len(f.profile.Policy.Inside) == 0 {
		return []ruleset.Rule{f.policy().rule("not published", ruleset.Return, notPublished)}
	}
	if f.disabled() {
		return nil
	}
	return f.byInside()
}

// byInside lets by what comes by the interfaces of the inside.
func (f *filter) byInside() []ruleset.Rule {
	var rules []ruleset.Rule
	for _, i := range f.profile.Policy.Inside {
		rules = append(rules, f.part("policy.inside", i.Position).rule("", ruleset.Return, ruleset.Interface{Name: i.Name}))
	}
	return rules
}

// pastPublished refuses what comes from elsewhere and is for no published port: a
// neighbour who routes to a container's own address, or to a host behind a
// gateway. It is not counted as a probe, since it may come from a trusted source.
func (f *filter) pastPublished() []ruleset.Rule {
	if len(f.profile.Policy.Inside) == 0 {
		return nil
	}
	return []ruleset.Rule{f.part("policy.inside", f.profile.Policy.Inside[0].Position).rule("not published", f.drop(intoInside), notPublished)}
}

func (f *filter) passingOthers() []ruleset.Rule {
	return []ruleset.Rule{f.policy().rule("open connections", ruleset.Return, notTCP, open)}
}

// firstPackets is stealth for published ports. Conntrack takes an ACK for the
// middle of a connection that it has missed, and nat sends it on to the
// container, whose RST would tell nmap -sA that the port is not filtered. Flags
// that no stack sends are invalid to conntrack; nat leaves them alone, and they
// are counted in INPUT.
func (f *filter) firstPackets() []ruleset.Rule {
	if !f.profile.Scan.Stealth {
		return nil
	}
	other := ruleset.TCPFlags{Mask: ruleset.AllFlags, Set: ruleset.SYN, Not: true}
	return []ruleset.Rule{f.scan().rule("not a first packet", ruleset.Drop, other)}
}

// unstated is a new packet to a port that is published, but that no service
// states. For its sender the port is not there, so it is a probe.
func (f *filter) unstated() []ruleset.Rule {
	return append(f.knocks(), f.probes(f.policy(), "published, not stated")...)
}

// originalPorts matches the ports that the client asked for: behind nat, a
// packet bears the container's.
func originalPorts(s profile.Service, protocol profile.Protocol) []ruleset.Match {
	var matches []ruleset.Match
	for _, r := range portsOf(s.Ports, protocol) {
		matches = append(matches, ruleset.OriginalPort{Protocol: ruleset.Protocol(protocol), Ports: r})
	}
	return matches
}

// accept is the verdict for what a service lets in. In mangle it hands the
// packet back to the rules of others.
func (f *filter) accept() ruleset.Verdict {
	if f.published {
		return ruleset.Return
	}
	return ruleset.Accept
}

// decideIn is the target for packets that a chain decides for good, so that its
// Return, where that is how to accept, does not lead back here.
func (f *filter) decideIn(chain ruleset.Jump) ruleset.Target {
	if f.published {
		return ruleset.Goto(chain)
	}
	return chain
}
