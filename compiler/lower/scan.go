package lower

import (
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

func (f *filter) scan() part { return f.part("scan", f.profile.Scan.Position) }

// impossible lists flags that no TCP stack sends together: of the flags in the
// mask, exactly those in set. The comments name nmap's scan for it.
var impossible = []struct{ mask, set ruleset.Flag }{
	{ruleset.AllFlags, 0},                                  // -sN
	{ruleset.FIN | ruleset.ACK, ruleset.FIN},               // -sF, -sX
	{ruleset.PSH | ruleset.ACK, ruleset.PSH},               // parts of -sX
	{ruleset.ACK | ruleset.URG, ruleset.URG},               // parts of -sX
	{ruleset.FIN | ruleset.SYN, ruleset.FIN | ruleset.SYN}, // --scanflags SYNFIN; ALL ALL
	{ruleset.SYN | ruleset.RST, ruleset.SYN | ruleset.RST}, // --scanflags SYNRST
	{ruleset.FIN | ruleset.RST, ruleset.FIN | ruleset.RST}, // --scanflags FINRST
}

// stealth lets only a plain SYN open a TCP connection. Flags that no stack
// sends are probes; anything else is a packet of no known connection, often
// the late end of a closed one, and is dropped without being counted.
func (f *filter) stealth() []ruleset.Rule {
	if !f.profile.Scan.Stealth {
		return nil
	}
	p := f.scan()
	syn := ruleset.TCPFlags{Mask: ruleset.AllFlags, Set: ruleset.SYN}
	rules := []ruleset.Rule{p.rule("first packet", ruleset.Return, syn)}
	for _, flags := range impossible {
		rules = append(rules, p.rule("impossible flags", f.probe(), ruleset.TCPFlags{Mask: flags.mask, Set: flags.set}))
	}
	rules = append(rules, p.rule("not a first packet", ruleset.Drop))
	return []ruleset.Rule{p.rule("stealth", f.chain("STEALTH", rules), ruleset.Proto{Protocol: ruleset.TCP})}
}

// unserved is what is left: new packets to what no service answers. A knock is no
// probe, and is taken however many probes come.
func (f *filter) unserved() []ruleset.Rule {
	rules := f.knocks()
	if len(rules) > 0 || !f.bans() {
		rules = append([]ruleset.Rule{f.noise()}, rules...)
	}
	return append(rules, f.probes(f.policy(), "unserved")...)
}

// probes takes what comes here for probes. Where no source is banned for them, they
// are told from other packets by the log alone, and not even by that where one end
// is like the other.
func (f *filter) probes(p part, does string) []ruleset.Rule {
	probe := f.probe()
	if f.bans() || probe == f.end(unlogged) {
		return []ruleset.Rule{p.rule(does, probe)}
	}
	return f.sorted(p, does, probe)
}

// sorted tells probes from what else comes to what no service answers. Only TCP and
// UDP have ports to look for; a packet of another protocol, such as VRRP or ESP, is
// refused and is not a probe. Nor is a stray datagram.
func (f *filter) sorted(p part, does string, probe ruleset.Target) []ruleset.Rule {
	tcp, udp := ruleset.Proto{Protocol: ruleset.TCP}, ruleset.Proto{Protocol: ruleset.UDP}
	return []ruleset.Rule{
		p.rule(does, probe, tcp),
		p.rule("stray", f.strays("STRAY", f.end(unlogged)), udp),
		p.rule(does, probe, udp),
		p.rule("other protocols", f.end(otherProtocol)),
	}
}

// ofPorts limits a rule to the protocols that have ports.
func ofPorts(r ruleset.Rule) []ruleset.Rule {
	var rules []ruleset.Rule
	for _, protocol := range []ruleset.Protocol{ruleset.TCP, ruleset.UDP} {
		one := r
		one.Matches = append([]ruleset.Match{ruleset.Proto{Protocol: protocol}}, r.Matches...)
		rules = append(rules, one)
	}
	return rules
}

// noise is what a network sends to all its hosts; it is not a probe.
func (f *filter) noise() ruleset.Rule {
	return f.policy().rule("sent to all", ruleset.Drop, f.toAll())
}

// toAll matches what is sent to many hosts at once.
func (f *filter) toAll() ruleset.AddressType {
	kinds := []string{"BROADCAST", "MULTICAST"}
	if f.family == ruleset.V6 {
		kinds = kinds[1:] // IPv6 has no broadcast
	}
	return ruleset.AddressType{Destination: kinds}
}

// probe is the target for a packet that only a scanner sends. No more of them are
// looked at than lookedAt says, from all sources: of a flood, most meet one rule here
// and end. A scanner beside a flood is banned later by that, and no legitimate client
// sooner.
func (f *filter) probe() ruleset.Target {
	if !f.bans() {
		return f.end(isProbe)
	}
	return f.shared("PROBE", func() []ruleset.Rule {
		p := f.scan()
		return []ruleset.Rule{
			p.rule("looked at", f.chain("SORT", f.sortProbes(p)), ruleset.Limit{Rate: f.lookedAt()}),
			p.rule("too many to look at", f.end(unlogged)),
		}
	})
}

// sortProbes leaves out what is not a probe. What is forwarded is sent to one host.
func (f *filter) sortProbes(p part) []ruleset.Rule {
	rules := f.ownAddress(p)
	if !f.published && !f.quietBefore() {
		rules = append(rules, f.noise())
	}
	return append(rules, f.sorted(p, "probe", f.chain("COUNT", f.count(p)))...)
}

// quietBefore reports whether what is sent to all hosts was left out before any packet is
// taken for a probe: before knocks, where no probe is told by its flags or options.
func (f *filter) quietBefore() bool {
	s := f.profile.Scan
	return len(f.profile.Knocks) > 0 && !f.disabled() && !s.Stealth && !s.Fingerprint && !s.DontFragment
}

// ownAddress keeps a forger who writes this host's own address on his packets
// from getting its /64 banned. Of IPv4 the kernel drops such packets itself, as
// martians. All neighbours of a link share fe80::/64, the router too: a probe from
// there is refused and logged, and not counted.
func (f *filter) ownAddress(p part) []ruleset.Rule {
	if f.family == ruleset.V4 {
		return nil
	}
	return []ruleset.Rule{
		p.rule("own address", ruleset.Drop, ruleset.AddressType{Source: []string{"LOCAL"}}),
		p.rule("neighbour", f.end(isProbe), ruleset.Source{Prefix: linkLocal}),
	}
}

// tripwires ban at one probe.
func (f *filter) tripwires(p part) []ruleset.Rule {
	var rules []ruleset.Rule
	for _, protocol := range []profile.Protocol{profile.TCP, profile.UDP} {
		for _, chunk := range chunks(portsOf(f.profile.Scan.Tripwires, protocol)) {
			rules = append(rules, p.rule("tripwire", f.ban(p), ruleset.Ports{Protocol: ruleset.Protocol(protocol), Destination: chunk}))
		}
	}
	return rules
}
