package proof

import (
	"cmp"
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// servicesAnswer finds services that some of the sources which they state do not reach in
// the usual state of the host.
func (r *rules) servicesAnswer() (list diag.List) {
	if r.closed() {
		return nil
	}
	for _, s := range r.profile.Services {
		for _, port := range s.Ports {
			asked := part{port.Position, "ports", port.String(), r.askedFor(port)}
			list = append(list, r.unreachable(exact.Input, s, asked, r.g.And(r.arrivals(), r.ask(s, port)))...)
			if r.profile.Policy.Forward == profile.Published && !s.SynProxy {
				list = append(list, r.unreachable(exact.Forward, s, asked, r.g.And(r.publishedTo(port), r.zones(s)))...)
			}
		}
		for _, p := range s.Protocols {
			if p.Number == profile.ProtocolIGMP && r.Family == ruleset.V6 {
				continue // IPv6 has MLD instead
			}
			packets := r.g.And(r.Without(r.First(), r.By(exact.In, "lo")), r.Is(exact.Protocol, uint64(p.Number)), r.groups(s), r.zones(s))
			if len(s.Groups) == 0 {
				packets = r.g.And(packets, r.ToOne())
			}
			list = append(list, r.unreachable(exact.Input, s, part{p.Position, "protocols", p.String(), bdd.True}, packets)...)
		}
	}
	return list
}

// openOnesGoOn finds packets of open connections that the rules refuse in the usual state of
// the host.
func (r *rules) openOnesGoOn() diag.List {
	refused := r.Settle(r.Usually(r.Without(r.Ongoing(), r.let(r.walk(exact.Input)))))
	if refused == bdd.False {
		return nil
	}
	return diag.List{r.finding(exact.Input, refused, diag.Diagnostic{
		Code: "open-connection-refused", Position: cmp.Or(r.profile.Policy.Position, diag.Position{File: r.name}), Subject: "policy",
		Message:    "the rules refuse packets of open connections: " + r.what(exact.Input, refused),
		Suggestion: fault,
	})}
}

// part is a port or a protocol of a service.
type part struct {
	position diag.Position
	key      string // of the profile
	text     string
	fact     bdd.Node // that holds of packets to it; True for none
}

// unreachable returns the finding about packets to a service that its clients send, and
// that are refused: those of its from, or those who have knocked.
func (r *rules) unreachable(hook exact.Hook, s profile.Service, asked part, packets bdd.Node) diag.List {
	want := r.Without(r.g.And(packets, r.clients(s)), r.blocked())
	refused := r.Without(want, r.let(r.walk(hook)))
	var facts []bdd.Node
	if asked.fact != bdd.True {
		facts = append(facts, asked.fact)
	}
	usual := r.Usually(refused, facts...)
	if s.Knock.Name != "" {
		usual = r.g.Or(usual, r.Usually(refused, append(facts, r.inSet("k-"+s.Knock.Name, "src"))...))
	}
	if usual = r.Settle(usual); usual == bdd.False {
		return nil
	}
	return diag.List{r.finding(hook, r.g.And(refused, usual), diag.Diagnostic{
		Code: "unreachable-service", Position: asked.position, Subject: "services." + s.Name + "." + asked.key,
		Message:    fmt.Sprintf("some of the sources that the service is for do not reach %s", asked.text),
		Suggestion: fault,
	})}
}

// publishedTo are the packets that begin connections to a port which NAT sends on.
func (r *rules) publishedTo(port profile.Port) bdd.Node {
	first := r.g.And(r.Possible(), r.InState("NEW"), r.Is(exact.Confirmed, 0), r.Is(exact.Fragment, 0), r.ports(port), r.published(port))
	if port.Protocol == profile.TCP {
		first = r.g.And(first, r.Is(exact.Flags, syn))
	}
	return r.g.And(r.outside(first), r.ToOne())
}

// syn is the flag of first segments, as the field Flags has it.
const syn = 2

// blocked are the packets of blocked sources: admin and exempt win.
func (r *rules) blocked() bdd.Node { return r.Without(r.from(r.profile.Access.Block), r.trusted()) }
