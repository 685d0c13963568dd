package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// Door is what opened a door of the profile, and what did not. The sequence is
// not in the report, which others may read.
type Door struct {
	Name     string    `json:"name"`
	Ports    []string  `json:"ports"` // those behind it
	Attempts []Attempt `json:"tries"`
	// Step and Open are the times of the copy of the profile at which those who
	// came too late knocked; 0 if none did.
	Step time.Duration `json:"step_ns,omitempty"`
	Open time.Duration `json:"open_ns,omitempty"`
	// Late are the families over which this machine was too busy to knock in time.
	Late  []int `json:"late,omitempty"`
	knock profile.Knock
	calls []lab.Port // some of the ports, which one source may call in a row
}

// Attempt is one way to knock, by a source of its own.
type Attempt struct {
	Name   string `json:"name"` // "backwards"
	Family int    `json:"family"`
	// Opens says that it should open the door, Opened that it did.
	Opens  bool    `json:"opens"`
	Opened bool    `json:"opened"`
	Start  float64 `json:"start"`
	End    float64 `json:"end"`
}

// doors lists the doors of the profile behind which there is something.
func doors(p *profile.Profile) (list []Door) {
	for _, k := range p.Knocks {
		d := Door{Name: k.Name, knock: k}
		for _, service := range p.Services {
			if service.Knock.Name != k.Name {
				continue
			}
			d.calls = append(d.calls, callable(service)...)
			for _, port := range portsOf(service) {
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

// try notes a try at a door, whose start was at the given second.
func (d *Door) try(name string, family int, opens, opened bool, start, end float64) {
	d.Attempts = append(d.Attempts, Attempt{Name: name, Family: family, Opens: opens, Opened: opened, Start: start, End: end})
}

// Outcome is one way to knock over both families: "open" or "shut", with "!"
// where it should not be so, or "-" where it was not tried.
type Outcome struct{ Name, V4, V6 string }

// ByName joins the tries of one name, in their order.
func (d *Door) ByName() []Outcome {
	var list []Outcome
	for _, t := range d.Attempts {
		i := slices.IndexFunc(list, func(o Outcome) bool { return o.Name == t.Name })
		if i < 0 {
			i, list = len(list), append(list, Outcome{t.Name, "-", "-"})
		}
		if t.Family == 4 {
			list[i].V4 = t.String()
		} else {
			list[i].V6 = t.String()
		}
	}
	return list
}

// String returns "open" or "shut", with "!" where it should not be so.
func (t Attempt) String() string {
	word := "shut"
	if t.Opened {
		word = "open"
	}
	if t.Opened != t.Opens {
		word += "!"
	}
	return word
}

// doorsHold judges every door: it opens by its sequence, and by nothing else.
func (j *judge) doorsHold() {
	for _, d := range j.r.Doors {
		var against []string
		for _, t := range d.Attempts {
			switch {
			case t.Opened && !t.Opens:
				against = append(against, fmt.Sprintf("%s opens it over IPv%d", t.Name, t.Family))
			case t.Opens && !t.Opened:
				against = append(against, fmt.Sprintf("%s does not open it over IPv%d", t.Name, t.Family))
			}
		}
		j.rule("door-"+d.Name, fmt.Sprintf("The knock %s needs its whole sequence", d.Name), against, d.seen(j.p.Policy.IPv6))
	}
}

// seen says what opened a door that held, and what did not.
func (d *Door) seen(ipv6 bool) string {
	var opened, shut []string
	for _, t := range d.Attempts {
		switch {
		case t.Family == 6:
		case t.Opened:
			opened = append(opened, t.Name)
		default:
			shut = append(shut, t.Name)
		}
	}
	text := fmt.Sprintf("opens after %s; stays closed after %s; ", strings.Join(opened, ", "), strings.Join(shut, ", "))
	if d.Step > 0 {
		text += fmt.Sprintf("lateness tried with a step of %s, open for %s; ", d.Step, d.Open)
	}
	if ipv6 {
		return text + "over IPv4 and IPv6"
	}
	return text + "over IPv6 it never opens"
}
