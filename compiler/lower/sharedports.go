package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
)

// Services that share a port are in the order in which they are asked, and the
// first whose group the source is in decides: its rule accepts, or leads to a chain
// that ends in a verdict. What a rule says of a port alone, whatever its source, is
// said once.

// sharing returns the names of the services that share a port with another.
func sharing(services []profile.Service) map[string]bool {
	shared := map[string]bool{}
	for _, o := range profile.Overlaps(services) {
		shared[services[o.First].Name], shared[services[o.Second].Name] = true, true
	}
	return shared
}

// onceEach returns the services without the ports that one before them has.
func onceEach(services []profile.Service) []profile.Service {
	shared := sharing(services)
	var before []profile.Port
	each := slices.Clone(services)
	for i, s := range each {
		if !shared[s.Name] {
			continue
		}
		var ports []profile.Port
		for _, p := range s.Ports {
			ports = append(ports, uncovered(p, before)...)
		}
		before = append(before, s.Ports...)
		each[i].Ports = ports
	}
	return each
}

// uncovered returns what is left of a range of ports.
func uncovered(p profile.Port, taken []profile.Port) []profile.Port {
	for _, t := range taken {
		if t.Protocol != p.Protocol || t.Last < p.First || p.Last < t.First {
			continue
		}
		var left []profile.Port
		if p.First < t.First {
			left = append(left, uncovered(profile.Port{Position: p.Position, Protocol: p.Protocol, First: p.First, Last: t.First - 1}, taken)...)
		}
		if t.Last < p.Last {
			left = append(left, uncovered(profile.Port{Position: p.Position, Protocol: p.Protocol, First: t.Last + 1, Last: p.Last}, taken)...)
		}
		return left
	}
	return []profile.Port{p}
}
