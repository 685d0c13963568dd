package fake

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// Restore does to a table what iptables-restore --noflush --counters does with the
// lines of that table, as far as transactions and bundles need it, and refuses what
// that refuses but for sets that are not there. The table is not changed. An error
// is a *LineError.
func Restore(table tablefile.Table, lines string) (tablefile.Table, error) {
	r := restoring{table: clone(table)}
	n := 0
	for line := range strings.Lines(lines) {
		n++
		if err := r.line(strings.TrimSuffix(line, "\n")); err != nil {
			return table, &LineError{n, strings.TrimSuffix(line, "\n"), err}
		}
	}
	if err := r.dangling(); err != nil {
		return table, atCommit(lines, err)
	}
	return r.table, nil
}

// atCommit is the error of a table that is refused as a whole.
func atCommit(lines string, err error) error {
	return &LineError{strings.Count(lines, "\n"), "COMMIT", err}
}

// LineError says which line of an input was refused, and why.
type LineError struct {
	Line int
	Text string
	Err  error
}

// Error quotes the line.
func (e *LineError) Error() string {
	return fmt.Sprintf("line %d failed: %q: %v", e.Line, e.Text, e.Err)
}

// Unwrap returns the reason.
func (e *LineError) Unwrap() error { return e.Err }

func clone(t tablefile.Table) tablefile.Table {
	copied := tablefile.Table{Name: t.Name}
	for _, c := range t.Chains {
		c.Rules = slices.Clone(c.Rules)
		copied.Chains = append(copied.Chains, c)
	}
	return copied
}

// restoring is a table in the middle of a transaction.
type restoring struct{ table tablefile.Table }

func (m *restoring) line(line string) error {
	l := tablefile.ParseLine(line)
	switch l.Kind {
	case tablefile.Declare:
		m.declare(l)
	case tablefile.Command:
		chain := m.table.Chain(l.Chain)
		if chain == nil {
			return fmt.Errorf("no chain %s", l.Chain)
		}
		return m.change(l, chain)
	}
	return nil
}

// declare makes or empties a chain, or states a policy.
func (m *restoring) declare(l tablefile.Line) {
	chain := m.table.Chain(l.Chain)
	switch {
	case chain == nil:
		m.table.Chains = append(m.table.Chains, tablefile.Chain{Name: l.Chain, Policy: l.Policy})
	case l.Policy == tablefile.UserPolicy:
		chain.Rules = nil
	default:
		chain.Policy, chain.Packets, chain.Bytes = l.Policy, l.Rule.Packets, l.Rule.Bytes
	}
}

func (m *restoring) change(l tablefile.Line, chain *tablefile.Chain) error {
	number, r := l.Rule.Numbered()
	switch l.Command {
	case tablefile.Append:
		chain.Rules = append(chain.Rules, l.Rule)
	case "-I":
		if number < 1 || number > len(chain.Rules)+1 {
			return fmt.Errorf("index too big")
		}
		chain.Rules = slices.Insert(chain.Rules, number-1, r)
	case "-D":
		at := slices.IndexFunc(chain.Rules, func(have tablefile.Rule) bool { return have.Spec == r.Spec })
		if number > 0 {
			at = number - 1
		}
		if at < 0 || at >= len(chain.Rules) {
			return fmt.Errorf("no such rule")
		}
		chain.Rules = slices.Delete(chain.Rules, at, at+1)
	case "-F":
		chain.Rules = nil
	case "-X":
		return m.remove(chain)
	default:
		return fmt.Errorf("unknown command")
	}
	return nil
}

// remove refuses a chain that has rules, or that a rule goes to.
func (m *restoring) remove(chain *tablefile.Chain) error {
	name := chain.Name
	if len(chain.Rules) > 0 {
		return fmt.Errorf("chain is not empty")
	}
	m.table.Chains = slices.DeleteFunc(m.table.Chains, func(c tablefile.Chain) bool { return c.Name == name })
	return m.dangling()
}

// dangling finds a rule that goes to a chain that is not there. Targets of ours
// are chains; of others one cannot tell.
func (m *restoring) dangling() error {
	for _, c := range m.table.Chains {
		for _, r := range c.Rules {
			if to := r.Target(); owned.Chain(to) && m.table.Chain(to) == nil {
				return fmt.Errorf("a rule of %s goes to %s, which is not there", c.Name, to)
			}
		}
	}
	return nil
}
