package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A service is stated, and no program listens at its port: it has not been started,
// it starts anew, or it has no UDP. The kernel would say "closed", by a TCP reset or
// an ICMP "port unreachable". One closed port that answers is what nmap -O needs to
// guess the system of a host that is silent otherwise. So these answers are kept in.
//
// The service's own rule does not ask for a socket (-m socket): what IPVS, a packet
// filter's program or another network namespace serves has none here. A refusal
// tells itself by its connection. Of TCP, both sides have not agreed on it; of UDP,
// no answer has come yet. It is confirmed, since INPUT let its first packet through.
// So the REJECT of others, such as fail2ban's, is not meant: it speaks before that.
//
// A client that comes while a program starts anew waits, and asks again after a
// second, as if the packet had been lost; before, it was refused at once. This host
// itself, its inside, admin and exempt addresses, and what is trusted of a zone, are refused
// as ever.
//
// A protocol without ports that a service states is refused like a port: IPv4 has an
// error of its own for it, and IPv6 a parameter problem, which complaints keeps in. An
// error about UDP-Lite tells nothing by a connection: each datagram is invalid to
// conntrack (invalid).
//
// Behind SYNPROXY the client has a connection before the program is asked, and would
// never ask again. So it hears the reset, which says no more than that.

// refusals are the ICMP errors about a port, or a host behind this one, that does not
// answer.
var refusals = map[ruleset.Family]struct{ port, host ruleset.ICMPType }{
	ruleset.V4: {ruleset.ICMPType{Family: ruleset.V4, Type: 3, Code: 3, HasCode: true}, ruleset.ICMPType{Family: ruleset.V4, Type: 3, Code: 1, HasCode: true}},
	ruleset.V6: {ruleset.ICMPType{Family: ruleset.V6, Type: 1, Code: 4, HasCode: true}, ruleset.ICMPType{Family: ruleset.V6, Type: 1, Code: 3, HasCode: true}},
}

// hidesClosed reports whether a port without a program is silent.
func (l *lowering) hidesClosed() bool {
	return l.profile.Scan.Stealth && l.profile.Policy.Input == profile.Drop
}

var (
	reset      = ruleset.TCPFlags{Mask: ruleset.RST, Set: ruleset.RST}
	translated = ruleset.ConnState{States: ruleset.StateDNAT}
)

var noProtocol = ruleset.ICMPType{Family: ruleset.V4, Type: 3, Code: 2, HasCode: true}

// resets is the part of OUTPUT that TCP meets.
func (f *filter) resets() []ruleset.Rule {
	if !f.hidesClosed() {
		return nil
	}
	return []ruleset.Rule{f.scan().rule("no program listens", f.unheard(), reset)}
}

// unreachable is the part of OUTPUT that ICMP meets. Of the hosts behind this one,
// only those of published ports are hidden.
func (f *filter) unreachable() []ruleset.Rule {
	if !f.hidesClosed() {
		return nil
	}
	p := f.scan()
	rules := []ruleset.Rule{
		p.rule("no program listens", f.unheard(), refusals[f.family].port),
		p.rule("no program listens", f.unheard(), refusals[f.family].host, translated),
	}
	if f.family == ruleset.V4 && slices.ContainsFunc(f.profile.Services, hasOthers) {
		rules = append(rules, p.rule("no program listens", f.unheard(), noProtocol))
	}
	return rules
}

// refusedBehind is what comes back from containers, and from the inside of a gateway.
func (f *filter) refusedBehind() []ruleset.Rule {
	if !f.hidesClosed() {
		return nil
	}
	p := f.scan()
	return []ruleset.Rule{
		p.rule("no program listens", f.unheard(), reset, translated),
		f.policy().rule("open connections", ruleset.Return, later, open),
		p.rule("no program listens", f.unheard(), refusals[f.family].port, translated),
		p.rule("no program listens", f.unheard(), refusals[f.family].host, translated),
	}
}

func (f *filter) unheard() ruleset.Jump {
	return f.shared("UNSERVED", func() []ruleset.Rule {
		p := f.scan()
		rules := []ruleset.Rule{p.rule("this host", ruleset.Return, ruleset.OutInterface{Name: "lo"})}
		rules = append(rules, f.towardsInside()...)
		rules = append(rules, f.towardsTrust(ruleset.Return)...)
		if f.has("trusted") && !f.disabled() {
			trusted := ruleset.InSet{Set: f.setName("trusted"), Direction: ruleset.ToDestination}
			rules = append(rules, f.access().rule("trusted sources", ruleset.Return, trusted))
		}
		for _, s := range f.proxied() {
			for _, ports := range f.portsBehind(s) {
				rules = append(rules, f.service(s).rule("synproxy", ruleset.Return, ports))
			}
		}
		if f.servesUDPLite() && !f.published {
			rules = append(rules, p.rule("no program listens", ruleset.Drop, notTCP, ruleset.ConnState{States: ruleset.StateInvalid}))
		}
		confirmed := ruleset.ConnStatus{Status: ruleset.StatusConfirmed}
		notYet := func(s ruleset.Status) ruleset.ConnStatus { return ruleset.ConnStatus{Status: s, Not: true} }
		return append(rules,
			p.rule("no program listens", ruleset.Drop, ruleset.Proto{Protocol: ruleset.TCP}, ruleset.ConnReply{}, confirmed, notYet(ruleset.StatusAssured)),
			p.rule("no program listens", ruleset.Drop, notTCP, ruleset.ConnReply{}, confirmed, notYet(ruleset.StatusReplied)))
	})
}

// portsBehind matches what comes back from the TCP ports of a service.
func (f *filter) portsBehind(s profile.Service) []ruleset.Match {
	if f.published {
		return originalPorts(s, profile.TCP)
	}
	var matches []ruleset.Match
	for _, chunk := range chunks(portsOf(s.Ports, profile.TCP)) {
		matches = append(matches, ruleset.Ports{Protocol: ruleset.TCP, Source: chunk})
	}
	return matches
}

// towardsInside lets by what goes to the inside.
func (f *filter) towardsInside() []ruleset.Rule {
	var rules []ruleset.Rule
	for _, i := range f.profile.Policy.Inside {
		rules = append(rules, f.part("policy.inside", i.Position).rule("", ruleset.Return, ruleset.OutInterface{Name: i.Name}))
	}
	return rules
}
