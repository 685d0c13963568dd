package check

import (
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// maxSharing is how many services may state one port: every new packet to it passes
// the rules of each.
const maxSharing = 16

// sharedPorts looks at services that state the same port. Each must be for a group
// of its own, since the first whose group the source is in decides: what can never
// be asked is an error, for its limits would silently not count.
func sharedPorts(p *profile.Profile) diag.List {
	var list diag.List
	with, said := map[int]int{}, map[int]bool{}
	for _, o := range profile.Overlaps(p.Services) {
		first, second := p.Services[o.First], p.Services[o.Second]
		if with[o.Second]++; with[o.Second] >= maxSharing {
			list.Errorf("shared-port", o.Port.Position, "services."+second.Name+".ports", "more than %d services share ports with this one", maxSharing-1)
			return list
		}
		if d := unasked(p, first, second, o.Port); d.Message != "" && !said[o.Second] {
			said[o.Second] = true
			list.Add(d)
		}
	}
	return list
}

// unasked says what is wrong with two services that share a port; the zero value if
// nothing is. It is reported for the one that the user states: of one that is
// inherited, the other line is the user's.
func unasked(p *profile.Profile, first, second profile.Service, port profile.Port) diag.Diagnostic {
	own, other := second, first
	if builtin(placeOf(own, port).File) && !builtin(placeOf(other, port).File) {
		own, other = other, own
	}
	d := diag.Diagnostic{Code: "shared-port", Position: placeOf(own, port), Subject: "services." + own.Name + ".ports",
		Note: fmt.Sprintf("services.%s states it at %s", other.Name, placeOf(other, port))}
	switch {
	case first.Public() && second.Public():
		d.Message = fmt.Sprintf("%s is a port of services.%s too, and both are for everyone", port, other.Name)
		d.Suggestion = fmt.Sprintf("state from in one of them, so that each is for a group of its own, or switch services.%s off by enabled = false", other.Name)
	case first.SynProxy != second.SynProxy && port.Protocol == profile.TCP:
		d.Message = fmt.Sprintf("%s is a port of services.%s too, and synproxy is stated for one of them only", port, other.Name)
		d.Suggestion = "state the same synproxy in both: a SYN is answered before from is looked at"
	case first.SynProxy && byInterface(p, first, second) && port.Protocol == profile.TCP:
		d.Message = fmt.Sprintf("%s is a port of services.%s too, and with synproxy zones cannot tell the two apart", port, other.Name)
		d.Suggestion = "remove synproxy from both, or zones of services and sets: the kernel's own SYN to the service comes by no interface"
	case first.Knock.Name != "" && second.AnySource() && within(first.Zones, second.Zones):
		d.Severity = diag.Warning
		d.Message = fmt.Sprintf("services.%s opens %s to everyone, so that the knock of services.%s hides nothing", second.Name, port, first.Name)
	case first.AnySource() && within(second.Zones, first.Zones):
		d.Message = fmt.Sprintf("services.%s is asked first for %s, and is for every source in the zones of services.%s: the limits of services.%[3]s never count", first.Name, port, second.Name)
		d.Suggestion = "state other zones, or from, in one of them, so that each is for a group of its own"
	case covered(p, first, second):
		d.Message = fmt.Sprintf("services.%s is asked first for %s, and its from holds all sources of services.%s: the limits of services.%[3]s never count", first.Name, port, second.Name)
		d.Suggestion = fmt.Sprintf("state [services.%s] before [services.%s]: services are asked in the order in which they are stated", second.Name, first.Name)
	default:
		return diag.Diagnostic{}
	}
	return d
}

// covered reports whether every source that a service is for is in the group of one
// that is asked before it.
func covered(p *profile.Profile, first, second profile.Service) bool {
	if second.AnySource() {
		return false
	}
	if second.Knock.Name != "" && (second.Knock.Name != first.Knock.Name || !within(second.Zones, first.Zones)) {
		return false // who has knocked may come from anywhere
	}
	for _, from := range p.Sources(second) {
		var before []profile.Ref
		for _, other := range p.Sources(first) {
			if within(from.Zones, other.Zones) {
				before = append(before, other.Refs...)
			}
		}
		if !p.Addresses(from.Refs).Subtract(p.Addresses(before)).IsEmpty() {
			return false
		}
	}
	return true
}

// placeOf is where a service states a port.
func placeOf(s profile.Service, port profile.Port) diag.Position {
	for _, q := range s.Ports {
		if q.Protocol == port.Protocol && q.First <= port.Last && port.First <= q.Last {
			return q.Position
		}
	}
	return s.Position
}
