package check

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// overlappingZones refuses zones that have an interface in common: a packet comes from one.
func overlappingZones(p *profile.Profile) diag.List {
	var list diag.List
	for n, second := range p.Zones {
		for _, first := range p.Zones[:n] {
			if own, other, meet := meeting(second, first); meet {
				list.Add(diag.Diagnostic{
					Code: "zones-overlap", Position: own.Position, Subject: "zones." + second.Name + ".interfaces",
					Message:    fmt.Sprintf("%q and %q of zones.%s can mean the same interface", own.Name, other.Name, first.Name),
					Note:       fmt.Sprintf("zones.%s states it at %s", first.Name, other.Position),
					Suggestion: "state each interface in one zone; a service may name several zones",
				})
			}
		}
	}
	return list
}

// meeting returns the first two interfaces of two zones that can be one.
func meeting(a, b profile.Zone) (own, other profile.Interface, meet bool) {
	for _, own := range a.Interfaces {
		for _, other := range b.Interfaces {
			if own.Meets(other) {
				return own, other, true
			}
		}
	}
	return own, other, false
}

// unusedZones warns of zones that nothing names.
func unusedZones(p *profile.Profile) diag.List {
	var list diag.List
	for _, z := range p.Zones {
		named := func(s profile.Service) bool { return inZone(s.Zones, z.Name) }
		ofSet := func(s profile.Set) bool { return s.Zone.Name == z.Name }
		if !trusts(z) && !slices.ContainsFunc(p.Services, named) && !slices.ContainsFunc(p.Sets, ofSet) {
			list.Add(diag.Diagnostic{
				Code: "no-effect", Severity: diag.Warning, Position: z.Position, Subject: "zones." + z.Name,
				Message:    "no service and no set is in this zone, and it has no trust, so that it says nothing",
				Suggestion: fmt.Sprintf("write zones = [%q] in a service", z.Name),
			})
		}
	}
	return list
}

func trusts(z profile.Zone) bool { return z.Trust.All || len(z.Trust.From) > 0 }

// servicesOfTrust warns of services that are open in zones alone from which every packet
// reaches every port: they open nothing more, and their limits never count. One that is
// marked admin says what an apply must prove.
func servicesOfTrust(p *profile.Profile) diag.List {
	var list diag.List
	for _, s := range p.Services {
		other := func(z profile.Named) bool { return !p.Zone(z.Name).Trust.All }
		if s.Admin || len(s.Zones) == 0 || slices.ContainsFunc(s.Zones, other) {
			continue
		}
		z := p.Zone(s.Zones[0].Name)
		list.Add(diag.Diagnostic{
			Code: "no-effect", Severity: diag.Warning, Position: s.Zones[0].Position, Subject: "services." + s.Name + ".zones",
			Message:    fmt.Sprintf("every packet from zones.%s reaches every port, so that this service says nothing", z.Name),
			Note:       fmt.Sprintf("zones.%s states its trust at %s", z.Name, z.Trust.Position),
			Suggestion: "remove the service, or state in trust the addresses that are meant",
		})
	}
	return list
}

func inZone(zones []profile.Named, name string) bool {
	return slices.ContainsFunc(zones, func(z profile.Named) bool { return z.Name == name })
}

// within reports whether all packets from the zones of one service come from those of
// another.
func within(zones, others []profile.Named) bool {
	missing := func(z profile.Named) bool { return !inZone(others, z.Name) }
	return len(others) == 0 || len(zones) > 0 && !slices.ContainsFunc(zones, missing)
}
