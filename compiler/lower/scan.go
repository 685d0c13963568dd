package lower

import (
	"slices"
	"time"

	"hardenctl/compiler/profile"
	"hardenctl/compiler/ruleset"
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

// unserved is what is left: new packets to what no service answers. Only TCP and
// UDP have ports to look for; a packet of another protocol, such as VRRP or ESP,
// is refused and is no probe.
func (f *filter) unserved() []ruleset.Rule {
	rules := append([]ruleset.Rule{f.noise()}, f.knocks()...)
	return append(rules, f.probes(f.policy(), "unserved")...)
}

// probes takes what comes here for probes, but for stray datagrams. Where nothing
// is counted or logged, one end is like the other.
func (f *filter) probes(p part, does string) []ruleset.Rule {
	probe := f.probe()
	if probe == f.end(unlogged) {
		return []ruleset.Rule{p.rule(does, probe)}
	}
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

// noise is what a network sends to all its hosts; it is no probe.
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

// probe is the target for a packet that only a scanner sends.
//
// A port counts once for each source, so that a client that retries one closed
// port is not banned for it. What comes from a banned source is not counted any
// more: it renews the ban.
func (f *filter) probe() ruleset.Target {
	if !f.bans() {
		return f.end(isProbe)
	}
	return f.shared("PROBE", func() []ruleset.Rule {
		p := f.scan()
		port := f.setName("seen")
		return slices.Concat(
			f.ownAddress(p),
			[]ruleset.Rule{p.rule("banned", f.renew(), f.inSet("ban"))},
			f.tripwires(p),
			[]ruleset.Rule{
				p.rule("counted before", f.end(unlogged), ruleset.InSet{Set: port, Direction: ruleset.ToSourceAndDPort}),
				p.rule("count", ruleset.AddToSet{Set: port, Direction: ruleset.ToSourceAndDPort}),
			},
			f.tooMany(p),
			[]ruleset.Rule{p.rule("probe", f.end(isProbe))})
	})
}

// ownAddress keeps a forger who writes this host's own address on his packets
// from getting its /64 banned. Of IPv4 the kernel drops such packets itself, as
// martians.
func (f *filter) ownAddress(p part) []ruleset.Rule {
	if f.family == ruleset.V4 {
		return nil
	}
	return []ruleset.Rule{p.rule("own address", ruleset.Drop, ruleset.AddressType{Source: []string{"LOCAL"}})}
}

// tripwires ban at one touch.
func (f *filter) tripwires(p part) []ruleset.Rule {
	var rules []ruleset.Rule
	for _, protocol := range []profile.Protocol{profile.TCP, profile.UDP} {
		for _, chunk := range chunks(portsOf(f.profile.Scan.Tripwires, protocol)) {
			rules = append(rules, p.rule("tripwire", f.ban(p), ruleset.Ports{Protocol: ruleset.Protocol(protocol), Destination: chunk}))
		}
	}
	return rules
}

// tooMany bans a source that has used up its probes, in the first window or in
// the slow one.
func (f *filter) tooMany(p part) []ruleset.Rule {
	scan := f.profile.Scan
	rules := f.tooManyWithin(p, "scan", "too many probes", scan.Probes, scan.Window)
	if scan.Slow.Count > 0 {
		rules = append(rules, f.tooManyWithin(p, "slow", "too many slow probes", scan.Slow.Count, scan.Slow.Window)...)
	}
	return rules
}

// tooManyWithin counts in a set, table or list of the window's own: the window
// is how long a set keeps its entries, and xt_recent reaps a list by the window
// of the rule that looks.
func (f *filter) tooManyWithin(p part, name, does string, probes uint32, window time.Duration) []ruleset.Rule {
	switch f.profile.Scan.Engine {
	case profile.Sets:
		return []ruleset.Rule{p.rule(does, f.ban(p), f.beyond(name, probes)), f.countIn(p, name)}
	case profile.Hashlimit:
		return []ruleset.Rule{p.rule(does, f.ban(p), f.sourceRate(p, perWindow(probes, window), window, tableMax))}
	}
	list, prefix := setName(name, f.family), f.sourcePrefix()
	return []ruleset.Rule{
		p.rule("count", nil, ruleset.Recent{Action: ruleset.RecentSet, Name: list, Prefix: prefix}),
		p.rule(does, f.ban(p), ruleset.Recent{
			Action: ruleset.RecentCheck, Name: list, Window: window, Hits: uint8(probes + 1), Prefix: prefix}),
	}
}
