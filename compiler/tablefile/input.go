package tablefile

import (
	"bytes"
	"fmt"
)

// Input is what iptables-restore --noflush is told to change in one table. Numbers of
// rules count from 1, and count what the lines before have left.
type Input struct {
	table  string
	stated []byte // lines that state policies
	lines  bytes.Buffer
}

// NewInput returns the input that changes nothing in a table.
func NewInput(table string) *Input { return &Input{table: table} }

// IsEmpty reports whether it changes nothing but policies.
func (in *Input) IsEmpty() bool { return in.lines.Len() == 0 }

// Bytes is the text, in which the table ends in COMMIT.
func (in *Input) Bytes() []byte {
	return fmt.Appendf(nil, "*%s\n%s%sCOMMIT\n", in.table, in.stated, in.lines.Bytes())
}

func (in *Input) line(format string, args ...any) { fmt.Fprintf(&in.lines, format+"\n", args...) }

// State gives a built-in chain its policy and what that has counted, before all else.
func (in *Input) State(c Chain) {
	in.stated = append(in.stated, Declared(c).Text...)
}

// Declare makes a chain. One that is there is emptied.
func (in *Input) Declare(name string) {
	in.lines.WriteString(Declared(Chain{Name: name, Policy: UserPolicy}).Text)
}

// Append adds a rule at the end of a chain, with what it has counted.
func (in *Input) Append(chain string, r Rule) {
	in.line("[%d:%d] -A %s %s", r.Packets, r.Bytes, chain, r.Spec)
}

// Insert puts a rule before the one of a number, or at the end where there is none.
// It has counted nothing.
func (in *Input) Insert(chain string, number int, r Rule) {
	in.line("-I %s %d %s", chain, number, r.Spec)
}

// InsertCounted is Insert of a rule with what it has counted.
func (in *Input) InsertCounted(chain string, number int, r Rule) {
	in.line("[%d:%d] -I %s %d %s", r.Packets, r.Bytes, chain, number, r.Spec)
}

// Delete takes out the first rule that says the same.
func (in *Input) Delete(chain string, r Rule) { in.line("-D %s %s", chain, r.Spec) }

// DeleteNumber takes out the rule of a number.
func (in *Input) DeleteNumber(chain string, number int) { in.line("-D %s %d", chain, number) }

// Flush empties a chain.
func (in *Input) Flush(chain string) { in.line("-F %s", chain) }

// Remove removes an empty chain, to which no rule leads.
func (in *Input) Remove(chain string) { in.line("-X %s", chain) }
