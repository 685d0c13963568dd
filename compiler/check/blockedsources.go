package check

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// list is a list of addresses that a profile states.
type list struct {
	subject string
	refs    []profile.Ref
}

// fromLists are the lists of sources that services state.
func fromLists(p *profile.Profile) []list {
	var lists []list
	for _, s := range p.Services {
		lists = append(lists, list{"services." + s.Name + ".from", s.From})
	}
	return lists
}

// trustLists are the lists of addresses that are trusted in zones.
func trustLists(p *profile.Profile) []list {
	var lists []list
	for _, z := range p.Zones {
		lists = append(lists, list{"zones." + z.Name + ".trust", z.Trust.From})
	}
	return lists
}

// blockedInTrust warns of a blocklist that holds addresses which are trusted in a zone.
func blockedInTrust(p *profile.Profile) diag.List {
	var found diag.List
	blocked := p.Addresses(p.Access.Block)
	for _, l := range trustLists(p) {
		both := p.Addresses(l.refs).Intersect(blocked)
		if both.IsEmpty() {
			continue
		}
		found.Add(diag.Diagnostic{
			Code: "blocked-trust", Severity: diag.Warning, Position: stating(p, l.refs, both), Subject: l.subject,
			Message: "access.block lists some of these addresses, such as " + first(both),
			Note:    fmt.Sprintf("trust wins: from this zone they reach every port. access.block states them at %s", stating(p, p.Access.Block, both)),
		})
	}
	return found
}

// blockedTrusted warns of a blocklist that holds admin or exempt addresses.
// They win, but the list was probably not meant to hold them.
func blockedTrusted(p *profile.Profile) diag.List {
	var found diag.List
	blocked := p.Addresses(p.Access.Block)
	for _, trusted := range []list{{"access.admin", p.Access.Admin}, {"access.exempt", p.Access.Exempt}} {
		both := p.Addresses(trusted.refs).Intersect(blocked)
		if both.IsEmpty() {
			continue
		}
		found.Add(diag.Diagnostic{
			Code: "blocked-" + trusted.subject[len("access."):], Severity: diag.Warning, Position: stating(p, trusted.refs, both), Subject: trusted.subject,
			Message: "access.block lists some of these addresses, such as " + first(both),
			Note:    "block never wins over admin or exempt, so they stay allowed",
		})
	}
	return found
}

// blockedSources warns of a blocklist that holds addresses which a service
// states: they do not reach it, unless they are admin or exempt too.
func blockedSources(p *profile.Profile) diag.List {
	var found diag.List
	blocked := p.Addresses(p.Access.Block).Subtract(p.Addresses(p.Access.Admin)).Subtract(p.Addresses(p.Access.Exempt))
	for _, from := range fromLists(p) {
		stated := p.Addresses(from.refs)
		both := stated.Intersect(blocked)
		if both.IsEmpty() {
			continue
		}
		amount := "some"
		if stated.Subtract(both).IsEmpty() {
			amount = "all"
		}
		found.Add(diag.Diagnostic{
			Code: "blocked-from", Severity: diag.Warning, Position: stating(p, from.refs, both), Subject: from.subject,
			Message:    fmt.Sprintf("access.block lists %s of these addresses, such as %s", amount, first(both)),
			Note:       "block wins over from: a blocked source does not reach the service",
			Suggestion: "take them out of the blocklist, or add them to access.exempt",
		})
	}
	return found
}

// closedFamily warns of addresses that are stated in vain, since they are all of
// IPv6, where the profile opens nothing.
func closedFamily(p *profile.Profile) diag.List {
	if p.Policy.IPv6 {
		return nil
	}
	var found diag.List
	access := []list{{"access.admin", p.Access.Admin}, {"access.exempt", p.Access.Exempt}}
	for _, l := range slices.Concat(access, fromLists(p), trustLists(p)) {
		stated := p.Addresses(l.refs)
		if stated.IsEmpty() || len(stated.V4()) > 0 {
			continue
		}
		found.Add(diag.Diagnostic{
			Code: "closed-family", Severity: diag.Warning, Position: l.refs[0].Position, Subject: l.subject,
			Message: "all of these addresses are of IPv6, which policy.ipv6 = false closes",
		})
	}
	return found
}

// stating returns the place of the first reference that holds some of the
// addresses.
func stating(p *profile.Profile, refs []profile.Ref, some netset.Set) diag.Position {
	i := slices.IndexFunc(refs, func(r profile.Ref) bool {
		return !p.Addresses([]profile.Ref{r}).Intersect(some).IsEmpty()
	})
	return refs[max(i, 0)].Position
}

func first(s netset.Set) string {
	return slices.Concat(s.V4(), s.V6())[0].String()
}
