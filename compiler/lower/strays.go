package lower

import (
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// clientPorts are those that systems give to their clients: Linux from 32768 on
// (ip_local_port_range), others from 49152 (RFC 6335). An answer that comes when
// no program waits for it any more is sent there. traceroute sends to 33434 and up,
// tracepath to 44444 and up, mtr to 33000 and up: 90 ports and more of a host that
// does not answer.
var clientPorts = []ruleset.PortRange{{First: 32768, Last: 65535}}

// strays ends the way of datagrams that legitimate hosts send to what no service
// answers, and returns from those that are probes. Strays are late answers of
// servers, which come from a port below 1024 to one above; what a socket of this host waits for; and
// what is sent to the ports of clients. What the profile states, as a service of
// others or as a tripwire, is a probe all the same.
//
// Where a ban hides services, a port for which a socket is bound counts like a closed
// one (countsAll). A peer that asks for one port, again and again, has one probe of
// ten by it.
//
// The price: who looks for UDP services above 32768 alone is not banned for it, and
// gets no answer.
func (f *filter) strays(name string, end ruleset.Target) ruleset.Jump {
	return f.shared(name, func() []ruleset.Rule {
		p := f.scan()
		rules := []ruleset.Rule{p.rule("late answer", ruleset.Drop, f.lateAnswer()...)}
		rules = append(rules, f.statedPorts(p)...)
		if f.published { // no socket of this host waits for what is forwarded
			return append(rules, p.rule("client port", end, ruleset.OriginalPort{Protocol: ruleset.UDP, Ports: clientPorts[0]}))
		}
		rules = append(rules, p.rule("client port", end, ruleset.Ports{Protocol: ruleset.UDP, Destination: clientPorts}))
		if f.countsAll() {
			return rules
		}
		return append(rules, p.rule("bound port", end, ruleset.Socket{Wildcard: true}))
	})
}

// serverPorts are those from which UDP is usually the answer of a server that this
// host asked and no longer waits for; askingPorts are those from which programs ask.
// A name server or a time server that asks from its own port gets late answers there:
// it is one port, and one port is one probe, however often it is asked.
var (
	serverPorts = []ruleset.PortRange{{First: 0, Last: 1023}}
	askingPorts = []ruleset.PortRange{{First: 1024, Last: 65535}}
)

func (f *filter) lateAnswer() []ruleset.Match {
	if f.published { // the port is in the packet as the container has it
		return []ruleset.Match{ruleset.Ports{Protocol: ruleset.UDP, Source: serverPorts},
			ruleset.OriginalPort{Protocol: ruleset.UDP, Ports: askingPorts[0]}}
	}
	return []ruleset.Match{ruleset.Ports{Protocol: ruleset.UDP, Source: serverPorts, Destination: askingPorts}}
}

// statedPorts returns datagrams to tripwires and to ports of services.
func (f *filter) statedPorts(p part) []ruleset.Rule {
	var rules []ruleset.Rule
	if f.bans() {
		for _, chunk := range chunks(portsOf(f.profile.Scan.Tripwires, profile.UDP)) {
			rules = append(rules, p.rule("tripwire", ruleset.Return, ruleset.Ports{Protocol: ruleset.UDP, Destination: chunk}))
		}
	}
	for _, s := range f.profile.Services {
		if s.Public() && f.servesFirst() {
			continue
		}
		for _, ports := range f.ports(s, profile.UDP) {
			rules = append(rules, f.service(s).rule("", ruleset.Return, ports))
		}
	}
	return rules
}

// servesFirst reports whether public services, or the ban of a source, have decided every
// packet to their ports before strays are looked for.
func (f *filter) servesFirst() bool { return !f.published && !f.disabled() }
