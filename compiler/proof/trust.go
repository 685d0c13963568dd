package proof

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// trust are the packets that the profile trusts of a zone: all of them, or those of the
// addresses that it states.
func (r *rules) trust(z profile.Zone) bdd.Node {
	if r.closed() || !z.Trust.All && len(z.Trust.From) == 0 {
		return bdd.False
	}
	by, who := bdd.False, bdd.True
	for _, i := range z.Interfaces {
		by = r.g.Or(by, r.By(exact.In, i.Name))
	}
	if !z.Trust.All {
		who = r.from(z.Trust.From)
	}
	return r.g.And(by, who)
}

// ofTrust are the packets that the profile trusts of any zone.
func (r *rules) ofTrust() bdd.Node {
	all := bdd.False
	for _, z := range r.profile.Zones {
		all = r.g.Or(all, r.trust(z))
	}
	return all
}

// trustReachesAll finds packets that a zone's trust lets in and that the rules refuse to this
// host, or to a published port of it, or that go into a set: in any state, with any flags and
// whatever conntrack says of them.
func (r *rules) trustReachesAll() (list diag.List) {
	for _, z := range r.profile.Zones {
		trusted := r.trust(z)
		if trusted == bdd.False {
			continue
		}
		list = append(list, r.trustRefused(z, exact.Input, r.g.And(r.Possible(), trusted))...)
		if r.profile.Policy.Forward == profile.Published {
			first := r.g.And(r.Possible(), r.InState("NEW"), r.Is(exact.Confirmed, 0), r.Is(exact.DestinationNAT, 1))
			list = append(list, r.trustRefused(z, exact.Forward, r.g.And(first, trusted))...)
		}
		list = append(list, r.trustCounted(z, r.g.And(r.Possible(), trusted))...)
	}
	return list
}

func (r *rules) trustRefused(z profile.Zone, hook exact.Hook, packets bdd.Node) (list diag.List) {
	refused := r.Settle(r.Without(packets, r.let(r.walk(hook))))
	if refused == bdd.False {
		return nil
	}
	list.Add(r.finding(hook, refused, diag.Diagnostic{
		Code: "trust-refused", Position: z.Trust.Position, Subject: "zones." + z.Name + ".trust",
		Message:    "packets that are trusted do not reach " + r.what(hook, refused),
		Suggestion: fault,
	}))
	return list
}

func (r *rules) trustCounted(z profile.Zone, packets bdd.Node) (list diag.List) {
	for _, hook := range []exact.Hook{exact.Input, exact.Forward} {
		added := r.walk(hook).Added
		for _, key := range slices.SortedFunc(maps.Keys(added), func(a, b exact.Lookup) int { return cmp.Compare(a.Name, b.Name) }) {
			counted := r.g.And(packets, added[key])
			if hook == exact.Forward {
				counted = r.g.And(counted, r.Is(exact.DestinationNAT, 1))
			}
			if counted = r.Settle(counted); counted != bdd.False {
				list.Add(r.finding(hook, counted, diag.Diagnostic{
					Code: "trust-counted", Position: z.Trust.Position, Subject: "zones." + z.Name + ".trust",
					Message:    fmt.Sprintf("packets that are trusted go into the set %s", key.Name),
					Suggestion: fault,
				}))
			}
		}
	}
	return list
}
