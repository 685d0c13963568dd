package check

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// setsInZones refuses a set with a zone where the interface by which a packet came is not
// known, or not asked: such a set is for the from of services. It refuses it too in a service
// that is not open in the zone, and in the trust of another zone.
func setsInZones(p *profile.Profile) diag.List {
	var found diag.List
	access := p.Access
	for _, l := range []list{{"access.admin", access.Admin}, {"access.exempt", access.Exempt}, {"access.block", access.Block}, {"icmp.echo_from", p.ICMP.EchoFrom}} {
		for _, ref := range zonedIn(p, l.refs) {
			found.Add(misused(p, ref, l.subject, "and this list is for every interface",
				fmt.Sprintf("name it in from of a service or in trust of zones.%s, or state the set without zone", p.Set(ref.Set).Zone.Name)))
		}
	}
	for _, s := range p.Services {
		for _, ref := range zonedIn(p, s.From) {
			if len(s.Zones) > 0 && !inZone(s.Zones, p.Set(ref.Set).Zone.Name) {
				found.Add(misused(p, ref, "services."+s.Name+".from", "where this service is not open: no packet is let in by it", "add the zone to zones of the service, or take the set out of this list"))
			}
		}
	}
	for _, z := range p.Zones {
		for _, ref := range zonedIn(p, z.Trust.From) {
			if p.Set(ref.Set).Zone.Name != z.Name {
				found.Add(misused(p, ref, "zones."+z.Name+".trust", "so that no packet of this zone is from it", "take the set out of this list"))
			}
		}
	}
	return found
}

// misused is the finding about a set with a zone in a list.
func misused(p *profile.Profile, ref profile.Ref, subject, why, instead string) diag.Diagnostic {
	zone := p.Set(ref.Set).Zone
	return diag.Diagnostic{
		Code: "set-of-zone", Position: ref.Position, Subject: subject,
		Message:    fmt.Sprintf("sets.%s counts only for packets from zones.%s, %s", ref.Set, zone.Name, why),
		Note:       fmt.Sprintf("sets.%s states its zone at %s", ref.Set, zone.Position),
		Suggestion: instead,
	}
}

// zonedIn are the references to sets with a zone.
func zonedIn(p *profile.Profile, refs []profile.Ref) []profile.Ref {
	everywhere := func(r profile.Ref) bool { return p.Set(r.Set).Zone.Name == "" }
	return slices.DeleteFunc(slices.Clone(refs), everywhere)
}

// byInterface reports whether one of some services is open by some interfaces alone, or to
// some of its sources.
func byInterface(p *profile.Profile, services ...profile.Service) bool {
	return slices.ContainsFunc(services, func(s profile.Service) bool { return len(s.Zones) > 0 || len(zonedIn(p, s.From)) > 0 })
}
