package ruleset

import "time"

// Jail is what fail2ban does: it reads the lines that Log targets write, and
// puts a source that wrote too many of them into a set.
type Jail struct {
	// Prefix begins the lines that count, and one of Reasons, with a blank
	// behind it, follows at once: words of letters.
	Prefix  string
	Reasons []string
	// File is where the kernel's lines are found; empty for the journal.
	File string
	// Retries lines within Window are too many.
	Retries     uint32
	Window, Ban time.Duration // whole seconds
	// SetV4 and SetV6 hold the sources that other jails put there, and LinesV4 and LinesV6
	// those that this one does. They may be the same sets.
	SetV4, SetV6     string
	LinesV4, LinesV6 string
	// Trusted are the sets of those whose lines never count, one for a family.
	Trusted []string
	Origin  Origin
}
