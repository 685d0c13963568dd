package proof

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// knocksOpen finds knocks after which a service that they open is still closed. An unlisted
// source sends the whole sequence, and each packet finds the sets as those before have left
// them.
func (r *rules) knocksOpen() (list diag.List) {
	if r.closed() {
		return nil
	}
	for _, k := range r.profile.Knocks {
		for _, s := range r.profile.Services {
			if s.Knock.Name == k.Name {
				list = append(list, r.opens(k, s)...)
			}
		}
	}
	return list
}

// opens sends a sequence and then asks for a service.
func (r *rules) opens(k profile.Knock, s profile.Service) (list diag.List) {
	var in []exact.Condition
	for _, port := range k.Sequence {
		p, found := r.knockAt(s, port)
		if !found {
			return nil // every source is in a list
		}
		in = r.after(p, in)
	}
	for _, port := range s.Ports {
		p, _ := r.knockAt(s, port)
		if d := r.Decide(r.firewall, exact.Input, p, in); d.Verdict.Kind == exact.Drop || d.Verdict.Kind == exact.Reject {
			list.Add(r.shown(exact.Input, p, in, diag.Diagnostic{
				Code: "knock-opens-nothing", Position: k.Position, Subject: "knocks." + k.Name,
				Message:    fmt.Sprintf("after the whole sequence %s of services.%s is still closed", port, s.Name),
				Suggestion: fault,
			}))
		}
	}
	return list
}

// knockAt is a first packet to a port from an unlisted source, which comes by an interface of
// the service's zones.
func (r *rules) knockAt(to profile.Service, port profile.Port) (p exact.Packet, found bool) {
	access := r.profile.Access
	listed := r.g.Or(r.trusted(), r.from(access.Block))
	for _, s := range r.profile.Services {
		listed = r.g.Or(listed, r.from(s.From))
	}
	n := r.Without(r.g.And(r.arrivals(), r.ports(port), r.zones(to)), listed)
	p, _, found = r.Witness(n)
	return p, found
}

// after are the sets that the source of a packet is in when it has sent it.
func (r *rules) after(p exact.Packet, before []exact.Condition) []exact.Condition {
	added, removed := r.Fills(r.firewall, exact.Input, p, before)
	in := slices.DeleteFunc(slices.Clone(before), func(c exact.Condition) bool {
		return slices.Contains(removed, exact.Lookup{Name: c.Fact.Set, Direction: c.Fact.Direction})
	})
	for _, key := range added {
		in = append(in, exact.Condition{Fact: exact.Fact{Kind: exact.Member, Set: key.Name, Direction: key.Direction}, Holds: true})
	}
	return in
}
