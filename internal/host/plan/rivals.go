package plan

import (
	"strings"
)

// Rival is another firewall that decides the packets that come to this host,
// now or from the next boot on.
type Rival struct {
	// Seen is what shows it.
	Seen string `json:"seen"`
	// WayOut is what to do, with the commands.
	WayOut string `json:"way_out"`
}

// RivalsError is the refusal of an apply on a host where another firewall is
// active. Two of them do not add up: each opens what the other closes, and
// rewrites the rules of the other when it is told to reload. A plan is not
// refused: people compare and review it while the old firewall still protects.
type RivalsError struct{ Rivals []Rival }

// Error names each rival and the way out.
func (e *RivalsError) Error() string {
	var all []string
	for _, r := range e.Rivals {
		all = append(all, r.Seen+": "+r.WayOut)
	}
	return "another firewall is active on this host: " + strings.Join(all, "; ")
}

// Rival returns a *RivalsError if another firewall is active beside the plan.
func (p *Plan) Rival() error {
	if len(p.Rivals) == 0 {
		return nil
	}
	return &RivalsError{p.Rivals}
}

// rivals warns of other firewalls.
func (v view) rivals(rivals []Rival) {
	if len(rivals) == 0 {
		return
	}
	v.title("Another firewall is active; apply stops until you disable it")
	for _, r := range rivals {
		v.line("  %s %s: %s", v.paint("1;33", "warning:"), r.Seen, r.WayOut)
	}
}
