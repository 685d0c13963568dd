package result

import (
	"slices"
	"time"
)

// Door is what opened a door of the profile, and what did not. The sequence is
// not in the report, which others may read.
type Door struct {
	Name     string    `json:"name"`
	Ports    []string  `json:"ports"` // those behind it
	Attempts []Attempt `json:"attempts"`
	// Step and Open are the times of the copy of the profile at which those who
	// came too late knocked; 0 if none did.
	Step time.Duration `json:"step_ns,omitempty"`
	Open time.Duration `json:"open_ns,omitempty"`
	// Late are the families over which this machine was too busy to knock in time.
	Late []int `json:"late,omitempty"`
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

// Try notes a try at a door, whose start was at the given second.
func (d *Door) Try(name string, family int, opens, opened bool, start, end float64) {
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
