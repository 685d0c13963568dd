package proof

import (
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// onlyStatedReach finds what the rules let in to this host that no service, ICMP or
// protocol of the profile states.
func (r *rules) onlyStatedReach() diag.List {
	return r.unstated(exact.Input, "let in", r.unsolicited(), r.stated())
}

// onlyStatedPass finds what the rules let through this host that no service states, where
// the profile states FORWARD.
func (r *rules) onlyStatedPass() diag.List {
	packets, policy := r.unsolicited(), r.profile.Policy
	switch {
	case policy.Forward == profile.Drop:
		return r.unstated(exact.Forward, "let through", packets, bdd.False)
	case policy.Forward != profile.Published:
		return nil
	case len(policy.Inside) == 0: // all else is the business of others
		packets = r.g.And(packets, r.InState("NEW"), r.Is(exact.DestinationNAT, 1))
		packets = r.Without(packets, r.g.Or(r.proxied(), r.hidden()))
	}
	trusted := r.g.And(r.ofTrust(), r.Is(exact.DestinationNAT, 1))
	return r.unstated(exact.Forward, "let through", r.outside(packets), r.g.Or(r.served(r.published), trusted))
}

// proxied are the first segments to services behind SYNPROXY. NAT never sees them.
func (r *rules) proxied() bdd.Node {
	all := bdd.False
	for _, s := range r.profile.Services {
		for _, port := range s.Ports {
			if s.SynProxy {
				all = r.g.Or(all, r.g.And(r.Opening(), r.ports(port)))
			}
		}
	}
	return all
}

// hidden are the segments that conntrack, and so NAT, never sees: those of admin sources to
// their services.
func (r *rules) hidden() bdd.Node {
	all := bdd.False
	for _, s := range r.profile.Services {
		for _, port := range s.Ports {
			if r.profile.Access.AdminUntracked && s.Admin && port.Protocol == profile.TCP {
				all = r.g.Or(all, r.g.And(r.admins(), r.ports(port), r.zones(s)))
			}
		}
	}
	return all
}

// unstated returns a finding for each rule that accepts some of the packets which are not
// stated.
func (r *rules) unstated(hook exact.Hook, does string, packets, stated bdd.Node) (list diag.List) {
	result := r.walk(hook)
	let := r.Settle(r.Without(r.g.And(packets, r.let(result)), stated))
	for _, d := range result.Decisions {
		if let == bdd.False {
			break
		}
		some := r.g.And(let, r.Settle(d.Packets))
		if some == bdd.False || d.Verdict.Kind == exact.Drop || d.Verdict.Kind == exact.Reject {
			continue
		}
		let = r.Without(let, some)
		list.Add(r.finding(hook, some, diag.Diagnostic{
			Code: "unstated-access", Position: r.place(d.Rule), Subject: r.origins[d.Rule].Part,
			Message:    fmt.Sprintf("the rules %s %s, which the profile does not state", does, r.what(hook, some)),
			Suggestion: fault,
		}))
	}
	return list
}

// let are the packets that are not refused: accepted, or left to a target that answers
// them by itself, such as SYNPROXY.
func (r *rules) let(result *exact.Result) bdd.Node {
	all := bdd.False
	for v, n := range result.Verdicts {
		if v.Kind == exact.Accept || v.Kind == exact.Other {
			all = r.g.Or(all, n)
		}
	}
	return all
}
