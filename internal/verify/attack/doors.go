package attack

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// door is a door that is attacked.
type door struct {
	result.Door
	knock profile.Knock
	calls []lab.Port // some of the ports, which one source may call in a row
}

// doors lists the doors of the profile behind which there is something.
func doors(p *profile.Profile) (list []door) {
	for _, k := range p.Knocks {
		d := door{Door: result.Door{Name: k.Name}, knock: k}
		for _, service := range p.Services {
			if service.Knock.Name != k.Name {
				continue
			}
			d.calls = append(d.calls, network.Callable(service)...)
			for _, port := range network.PortsOf(service) {
				d.Ports = append(d.Ports, port.String())
			}
		}
		if len(d.calls) > 0 {
			list = append(list, d)
		}
	}
	return list
}

// wrongKnock is a way to knock that must not open a door.
type wrongKnock struct {
	name  string
	ports []profile.Port
}

// wrongKnocks are what a source tries that knows a part of the sequence. stray is a
// port that no service answers, and no door.
func wrongKnocks(sequence []profile.Port, stray profile.Port) []wrongKnock {
	last := len(sequence) - 1
	wrong := []wrongKnock{
		{"no knock", nil},
		{"all knocks but the last", sequence[:last]},
		{"the last knock alone", sequence[last:]},
		{"a port between", slices.Concat(sequence[:last], []profile.Port{stray}, sequence[last:])},
	}
	backwards := slices.Clone(sequence)
	slices.Reverse(backwards)
	if !slices.EqualFunc(backwards, sequence, func(a, b profile.Port) bool { return a.String() == b.String() }) {
		wrong = append(wrong, wrongKnock{"in reverse order", backwards})
	}
	return wrong
}
