package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A zone is a match for each of its interfaces: what is open there alone has a rule for
// each. By any other interface the port is one that no service answers: what comes there
// is a probe, or a stray, as at any such port.
//
// No rule needs the interface to exist: iptables compares names with each packet.

// inZones narrows the ways to a service to the interfaces of its zones, but for those from
// which every packet is trusted.
func (f *filter) inZones(s profile.Service, ways [][]ruleset.Match) [][]ruleset.Match {
	if len(s.Zones) == 0 {
		return ways
	}
	return byInterfaces(f.untrusted(s.Zones), ways)
}

// byInterfaces narrows ways to packets that come in by some interfaces.
func byInterfaces(interfaces []profile.Interface, ways [][]ruleset.Match) [][]ruleset.Match {
	var narrow [][]ruleset.Match
	for _, i := range interfaces {
		for _, way := range ways {
			narrow = append(narrow, slices.Concat([]ruleset.Match{ruleset.Interface{Name: i.Name}}, way))
		}
	}
	return narrow
}

// fromZones narrows a match of packets to those that come in by the interfaces of the zones
// of a service, trusted or not.
func (f *filter) fromZones(s profile.Service, asked ruleset.Match) [][]ruleset.Match {
	if len(s.Zones) == 0 {
		return [][]ruleset.Match{{asked}}
	}
	return byInterfaces(f.profile.Interfaces(s.Zones), [][]ruleset.Match{{asked}})
}

// toZones narrows a match of answers to the interfaces of the zones of a service.
func (f *filter) toZones(s profile.Service, answer ruleset.Match) [][]ruleset.Match {
	if len(s.Zones) == 0 {
		return [][]ruleset.Match{{answer}}
	}
	var narrow [][]ruleset.Match
	for _, i := range f.profile.Interfaces(s.Zones) {
		narrow = append(narrow, []ruleset.Match{ruleset.OutInterface{Name: i.Name}, answer})
	}
	return narrow
}

// zones returns the zones of the profile, for those who read a bundle.
func (l *lowering) zones() []ruleset.Zone {
	var zones []ruleset.Zone
	for _, z := range l.profile.Zones {
		zone := ruleset.Zone{Name: z.Name, Interfaces: names(z.Interfaces), Trusted: z.Trust.All, Origin: l.origin("zones."+z.Name, z.Position)}
		if len(z.Trust.From) > 0 {
			zone.From = l.setsNamed(trustSet(z))
		}
		zones = append(zones, zone)
	}
	return zones
}

func names(interfaces []profile.Interface) []string {
	var all []string
	for _, i := range interfaces {
		all = append(all, i.Name)
	}
	return all
}
