package proof

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
)

// blockedGetNothing finds packets of blocked sources that are accepted or answered. What
// keeps a host in its network is the exception, since a router may be in the list, and what
// is trusted of a zone.
func (r *rules) blockedGetNothing() (list diag.List) {
	if len(r.profile.Access.Block) == 0 {
		return nil
	}
	dropped := r.walk(exact.Input).Verdicts[exact.Verdict{Kind: exact.Drop}]
	packets := r.Without(r.g.And(r.unsolicited(), r.blocked()), r.g.Or(r.neighbours(), r.dhcp(), r.pathMTU(), r.ofTrust()))
	if got := r.Settle(r.Without(packets, dropped)); got != bdd.False {
		list.Add(r.finding(exact.Input, got, diag.Diagnostic{
			Code: "blocked-served", Position: r.profile.Access.Block[0].Position, Subject: "access.block",
			Message:    "a blocked source is not dropped at " + r.what(exact.Input, got),
			Suggestion: fault,
		}))
	}
	return list
}

// exemptAreFree finds packets of trusted sources that are refused by a limit or a ban at a
// service that is for them, and that are counted.
func (r *rules) exemptAreFree() diag.List {
	if len(r.profile.Access.Exempt)+len(r.profile.Access.Admin) == 0 || r.closed() {
		return nil
	}
	return slices.Concat(r.exemptRefused(), r.exemptCounted())
}

func (r *rules) exemptRefused() (list diag.List) {
	let := r.let(r.walk(exact.Input))
	echo := r.g.And(r.arrivals(), r.echo(), r.trusted())
	if refused := r.Settle(r.Without(echo, let)); refused != bdd.False {
		list.Add(r.finding(exact.Input, refused, diag.Diagnostic{
			Code: "exempt-refused", Position: r.profile.ICMP.EchoPerSource.Position, Subject: "icmp.echo_per_source",
			Message:    "some echo requests of admin or exempt sources are refused",
			Suggestion: fault,
		}))
	}
	for _, s := range r.profile.Services {
		if s.Admin { // it has its limits for exempt sources
			continue
		}
		for _, port := range s.Ports {
			want := r.g.And(r.arrivals(), r.ask(s, port), r.clients(s), r.trusted())
			if refused := r.Settle(r.Without(want, let)); refused != bdd.False {
				list.Add(r.finding(exact.Input, refused, diag.Diagnostic{
					Code: "exempt-refused", Position: port.Position, Subject: "services." + s.Name + ".ports",
					Message:    fmt.Sprintf("some admin or exempt sources, which no limit and no ban is for, do not reach %s", port),
					Suggestion: fault,
				}))
			}
		}
	}
	return list
}

// exemptCounted finds packets of trusted sources that go into a set. A knock is heard of
// everyone, and services marked admin count exempt sources.
func (r *rules) exemptCounted() (list diag.List) {
	added := r.walk(exact.Input).Added
	for _, key := range slices.SortedFunc(maps.Keys(added), func(a, b exact.Lookup) int { return cmp.Compare(a.Name, b.Name) }) {
		if strings.HasPrefix(r.parts[key.Name], "knocks.") {
			continue
		}
		packets := r.g.And(r.unsolicited(), r.trusted(), added[key])
		for _, s := range r.profile.Services {
			for _, port := range s.Ports {
				if s.Admin {
					packets = r.Without(packets, r.Without(r.ports(port), r.admins()))
				}
			}
		}
		if packets = r.Settle(packets); packets != bdd.False {
			list.Add(r.finding(exact.Input, packets, diag.Diagnostic{
				Code: "exempt-counted", Position: r.profile.Access.Position, Subject: "access",
				Message:    fmt.Sprintf("packets of admin or exempt sources go into the set %s", key.Name),
				Suggestion: fault,
			}))
		}
	}
	return list
}
