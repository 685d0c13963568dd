package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// Knocks returns what is wrong with the knocks of the profile called name: a
// door that does not open, that opens to a scan, or whose knock is public.
func Knocks(name string, p *profile.Profile) diag.List {
	return slices.Concat(answeredKnocks(p), trappedKnocks(p), countedKnocks(p), sharedKnocks(p), sweptKnocks(p), unusedKnocks(p), publicKnocks(name, p))
}

// answeredKnocks refuses a knock on a port that a service answers: it would
// never be heard.
func answeredKnocks(p *profile.Profile) diag.List {
	var list diag.List
	served := servedPorts(p)
	for _, k := range p.Knocks {
		for _, port := range k.Sequence {
			if service, ok := served.by(port); ok {
				list.Errorf("knock-answered", port.Position, sequenceOf(k),
					"%s is a port of services.%s, which answers before a knock is heard", port, service)
			}
		}
	}
	return list
}

// trappedKnocks refuses a knock on a tripwire: no source would be banned there.
func trappedKnocks(p *profile.Profile) diag.List {
	var list diag.List
	for _, k := range p.Knocks {
		for _, port := range k.Sequence {
			for _, trap := range p.Scan.Tripwires {
				if trap.Protocol == port.Protocol && trap.First <= port.First && port.First <= trap.Last {
					list.Errorf("knock-tripwire", port.Position, sequenceOf(k), "%s is also in scan.tripwires, but a packet of a knock never bans; choose another port", port)
				}
			}
		}
	}
	return list
}

// countedKnocks refuses a sequence by which a person would be banned who knocks: where
// a ban hides services, each of its ports is a probe (lower/knock.go), and so is the
// service's own, which people ask for before they think of the knock. It warns of doors
// that ban one who knocks at all of them.
func countedKnocks(p *profile.Profile) diag.List {
	most := p.Scan.Probes
	if slow := p.Scan.Slow.Count; slow > 0 {
		most = min(most, slow)
	}
	if most == 0 || p.Scan.Scope != profile.Everything {
		return nil
	}
	var list diag.List
	all := map[string]bool{}
	for _, k := range p.Knocks {
		ports := map[string]bool{}
		for _, port := range k.Sequence {
			ports[port.String()], all[port.String()] = true, true
		}
		if len(ports) >= int(most) {
			list.Errorf("knock-counted", k.Sequence[0].Position, sequenceOf(k),
				"[scan] bans a source that asks for more than %d closed ports; who tries the service, and then knocks at these %d, would be banned", most, len(ports))
		}
	}
	if len(list) == 0 && len(all) >= int(most) {
		list.Add(diag.Diagnostic{
			Code: "knock-counted", Severity: diag.Warning, Position: p.Scan.Position, Subject: "scan.probes",
			Message: fmt.Sprintf("the knocks have %d ports in all, and %d are free: who knocks at every door within scan.window is banned", len(all), most),
		})
	}
	return list
}

// sharedKnocks refuses a port in two sequences: who knocks for one door would
// half open the other.
func sharedKnocks(p *profile.Profile) diag.List {
	var list diag.List
	for i, k := range p.Knocks {
		for _, other := range p.Knocks[i+1:] {
			for _, port := range other.Sequence {
				if slices.ContainsFunc(k.Sequence, samePort(port)) {
					list.Errorf("shared-knock", port.Position, sequenceOf(other),
						"%s is a port of knocks.%s too", port, k.Name)
				}
			}
		}
	}
	return list
}

// sweptKnocks refuses a sequence that a scan of all ports, up or down, sends
// with nothing in between that takes it back to the beginning.
func sweptKnocks(p *profile.Profile) diag.List {
	var list diag.List
	passes := passed(p)
	for _, k := range p.Knocks {
		for _, way := range []struct {
			word string
			step int
		}{{"up", 1}, {"down", -1}} {
			if len(k.Sequence) > 1 && swept(passes, k.Sequence, way.step) {
				list.Add(diag.Diagnostic{
					Code: "knock-swept", Position: k.Sequence[0].Position, Subject: sequenceOf(k),
					Message:    fmt.Sprintf("a scan that counts %s through all ports sends these in order", way.word),
					Note:       "a port between two knocks that nothing answers takes a scanner back to the beginning; ports of services and of other knocks do not",
					Suggestion: "take ports that lie apart, go up and down, and mix tcp and udp",
				})
			}
		}
	}
	return list
}

// swept reports whether going from port to port by step leads through the
// whole sequence, past ports only that do not count as a wrong knock.
func swept(passes func(profile.Port) bool, sequence []profile.Port, step int) bool {
	for i, port := range sequence[1:] {
		before := sequence[i]
		if port.Protocol != before.Protocol {
			return false
		}
		for n := int(before.First) + step; n != int(port.First); n += step {
			between := profile.Port{Protocol: port.Protocol, First: uint16(n), Last: uint16(n)}
			if n < 1 || n > 65535 || !passes(between) {
				return false
			}
		}
	}
	return true
}

// passed returns whether a packet to a port may pass between two knocks.
func passed(p *profile.Profile) func(profile.Port) bool {
	served, knocks := servedPorts(p), map[string]bool{}
	for _, k := range p.Knocks {
		for _, port := range k.Sequence {
			knocks[port.String()] = true
		}
	}
	return func(port profile.Port) bool {
		_, ok := served.by(port)
		return ok || knocks[port.String()]
	}
}

// served are ports of services, none of which lies inside an earlier one, so
// that first and last ports both rise.
type served []stated

func servedPorts(p *profile.Profile) served {
	var ports served
	for _, port := range sortedPorts(p) {
		if n := len(ports); n == 0 || ports[n-1].Protocol != port.Protocol || ports[n-1].Last < port.Last {
			ports = append(ports, port)
		}
	}
	return ports
}

// by returns the service that answers a single port.
func (s served) by(port profile.Port) (service string, ok bool) {
	after, _ := slices.BinarySearchFunc(s, port, func(a stated, b profile.Port) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(int(a.First), int(b.First)+1))
	})
	if after == 0 || s[after-1].Protocol != port.Protocol || s[after-1].Last < port.First {
		return "", false
	}
	return s[after-1].service, true
}

// unusedKnocks warns of a knock that opens nothing.
func unusedKnocks(p *profile.Profile) diag.List {
	var list diag.List
	for _, k := range p.Knocks {
		if slices.ContainsFunc(p.Services, func(s profile.Service) bool { return s.Knock.Name == k.Name }) {
			continue
		}
		list.Add(diag.Diagnostic{
			Code: "unused-knock", Severity: diag.Warning, Position: k.Position, Subject: "knocks." + k.Name,
			Message:    "no service asks for this knock, so it opens nothing",
			Suggestion: fmt.Sprintf("set knock = %q in the service that it shall open", k.Name),
		})
	}
	return list
}

// publicKnocks refuses the sequence of a built-in profile, which is
// public. The built-in profile by itself compiles, so that it can be reviewed.
func publicKnocks(name string, p *profile.Profile) diag.List {
	var list diag.List
	for _, k := range p.Knocks {
		if len(k.Sequence) == 0 || !builtin(k.Sequence[0].Position.File) {
			continue
		}
		d := diag.Diagnostic{
			Code: "public-knock", Position: k.Sequence[0].Position, Subject: sequenceOf(k),
			Message:    "this sequence is part of hardenctl, and everybody can read it",
			Note:       "a knock keeps out only those who do not know it",
			Suggestion: fmt.Sprintf("state [knocks.%s] sequence in a profile of your own; `shuf -i 1024-32767 -n %d` picks ports by chance", k.Name, len(k.Sequence)),
		}
		if builtin(name) {
			d.Severity = diag.Warning
		}
		list.Add(d)
	}
	return list
}

func builtin(file string) bool { return strings.HasPrefix(file, "builtin:") }

func samePort(port profile.Port) func(profile.Port) bool {
	return func(q profile.Port) bool { return q.String() == port.String() }
}

func sequenceOf(k profile.Knock) string { return "knocks." + k.Name + ".sequence" }
