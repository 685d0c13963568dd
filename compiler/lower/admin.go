package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// adminAccess says what an apply must prove: that no admin source is locked out.
func (l *lowering) adminAccess() ruleset.Access {
	access := ruleset.Access{Admin: l.setsNamed("admin")}
	for _, s := range l.profile.Services {
		if !s.Admin {
			continue
		}
		service := ruleset.AdminService{
			Name: s.Name, Ports: typedPorts(s.Ports), Knock: typedPorts(l.sequence(s.Knock.Name)),
			Interfaces: names(l.profile.Interfaces(s.Zones)), Origin: l.origin("services."+s.Name, s.Position),
		}
		for _, from := range l.profile.Sources(s) {
			if from.Of == "" {
				service.From = l.setsNamed(fromSet(s, from))
			}
		}
		access.Services = append(access.Services, service)
	}
	return access
}

// setsNamed returns the kernel's names of the sets that a name means, of
// the families that the profile opens.
func (l *lowering) setsNamed(name string) []string {
	var names []string
	for _, family := range ruleset.Families {
		full := setName(name, family)
		exists := slices.ContainsFunc(l.sets, func(s ruleset.Set) bool { return s.Name == full })
		if exists && (family == ruleset.V4 || l.profile.Policy.IPv6) {
			names = append(names, full)
		}
	}
	return names
}

// sequence returns the ports of a knock; nil for the name of none.
func (l *lowering) sequence(name string) []profile.Port {
	for _, k := range l.profile.Knocks {
		if k.Name == name {
			return k.Sequence
		}
	}
	return nil
}

func typedPorts(ports []profile.Port) []ruleset.Port {
	var typed []ruleset.Port
	for _, p := range ports {
		if p.Protocol != profile.TCP && p.Protocol != profile.UDP {
			continue // nobody logs in by it
		}
		typed = append(typed, ruleset.Port{
			Protocol: ruleset.Protocol(p.Protocol), PortRange: ruleset.PortRange{First: p.First, Last: p.Last}})
	}
	return typed
}
