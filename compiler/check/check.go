// Package check finds what is wrong with a profile although it is well-formed:
// parts that contradict each other, or that cannot do what their author means.
package check

import (
	"fmt"
	"slices"

	"hardenctl/compiler/diag"
	"hardenctl/compiler/netset"
	"hardenctl/compiler/profile"
)

// Profile returns what is wrong or doubtful in a profile that was read without
// errors.
func Profile(p *profile.Profile) diag.List {
	return slices.Concat(sharedPorts(p), tripwires(p), adminServices(p), everyone(p), blockedFriends(p))
}

// sharedPorts refuses a port that two services state: only the first would
// ever be asked, and its limits and sources would silently win.
func sharedPorts(p *profile.Profile) diag.List {
	var list diag.List
	for i, s := range p.Services {
		for _, other := range p.Services[i+1:] {
			for _, port := range other.Ports {
				if stated(s, port) {
					list.Errorf("shared-port", port.Position, "services."+other.Name+".ports",
						"%s is a port of services.%s too", port, s.Name)
				}
			}
		}
	}
	return list
}

// stated reports whether the service has any port of the range.
func stated(s profile.Service, port profile.Port) bool {
	return slices.ContainsFunc(s.Ports, func(q profile.Port) bool {
		return q.Protocol == port.Protocol && q.First <= port.Last && port.First <= q.Last
	})
}

// tripwires refuses a tripwire on a port that a service has: those whom the
// service serves would never touch it, and those whom it refuses, who may have
// mistyped an address, would be banned.
func tripwires(p *profile.Profile) diag.List {
	var list diag.List
	for _, port := range p.Scan.Tripwires {
		for _, s := range p.Services {
			if stated(s, port) {
				list.Add(diag.Diagnostic{
					Code: "served-tripwire", Position: port.Position, Subject: "scan.tripwires",
					Message:    fmt.Sprintf("%s is a port of services.%s, where one touch must not ban", port, s.Name),
					Suggestion: "choose a port that no service has",
				})
			}
		}
	}
	return list
}

// adminServices warns where admin addresses and admin services do not meet.
func adminServices(p *profile.Profile) diag.List {
	marked := slices.ContainsFunc(p.Services, func(s profile.Service) bool { return s.Admin })
	if len(p.Access.Admin) == 0 || marked {
		return nil
	}
	return diag.List{{
		Code: "no-admin-service", Severity: diag.Warning, Position: p.Access.Admin[0].Position, Subject: "access.admin",
		Message:    "no service is marked admin, so these addresses reach nothing by it",
		Suggestion: "set admin = true in the service by which you log in",
	}}
}

// everyone refuses a blocklist whose parts together are a whole family. Reading
// has refused each part that is one by itself.
func everyone(p *profile.Profile) diag.List {
	var list diag.List
	if blocked := union(p, p.Access.Block); blocked.AllV4() || blocked.AllV6() {
		list.Add(diag.Diagnostic{
			Code: "covers-all", Position: p.Access.Block[0].Position, Subject: "access.block",
			Message: "these addresses together are everyone, and would drop everyone",
		})
	}
	return list
}

// blockedFriends warns of a blocklist that holds admin or exempt addresses.
// They win, but the list was probably not meant to hold them.
func blockedFriends(p *profile.Profile) diag.List {
	var list diag.List
	blocked := union(p, p.Access.Block)
	for _, friends := range []struct {
		name string
		refs []profile.Ref
	}{{"admin", p.Access.Admin}, {"exempt", p.Access.Exempt}} {
		both := union(p, friends.refs).Intersect(blocked)
		if both.IsEmpty() {
			continue
		}
		list.Add(diag.Diagnostic{
			Code: "blocked-" + friends.name, Severity: diag.Warning, Position: friends.refs[0].Position, Subject: "access." + friends.name,
			Message: "access.block lists some of these addresses, such as " + first(both),
			Note:    "block never wins over admin or exempt, so they stay allowed",
		})
	}
	return list
}

func union(p *profile.Profile, refs []profile.Ref) netset.Set {
	var all netset.Set
	for _, ref := range refs {
		all = all.Union(p.Addresses(ref))
	}
	return all
}

func first(s netset.Set) string {
	return slices.Concat(s.V4(), s.V6())[0].String()
}
