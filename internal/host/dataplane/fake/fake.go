// Package fake is a machine in memory: tables, sets, kernel settings and files that
// do what the real ones do, as far as an apply asks them, and that fail on command.
//
// With it the order of an apply's steps, every undo and every message can be tested
// in milliseconds, without root. What it does is held against the real tools by
// the suite of package dataplane, on both backends.
package fake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Machine is a machine in memory. It is not for several goroutines at once.
type Machine struct {
	// Families are those that the kernel has.
	Families []ruleset.Family
	// Settings are the kernel settings by setting.ID. One that is not there is out of
	// reach.
	Settings map[string]string
	// Files are the files that the machine boots from, by path.
	Files map[string][]byte
	// OpenConnections is how many there are, ConntrackRoom how many conntrack takes.
	OpenConnections, ConntrackRoom int

	// Done are the operations that have changed something or tried to, in order, in
	// the words of the tools: "iptables-restore", "swap a b".
	Done []string
	// Break is asked before each of these, with how many there were before; an error
	// is what the operation fails with, before it has done anything. Nil breaks
	// nothing.
	Break func(n int, operation string) error
	// Late makes what Break fails do its work all the same, as a tool that is killed
	// when it is almost done.
	Late bool

	tables map[state.TableID]tablefile.Table
	sets   map[string]*set
	beside map[string]bool // paths beside which a replacement is prepared
	passed time.Duration   // since the machine was made, as timeouts go
}

// New returns a machine without rules, sets and files.
func New() *Machine {
	return &Machine{
		Families: ruleset.Families[:], Settings: map[string]string{}, Files: map[string][]byte{}, ConntrackRoom: 1000,
		tables: map[state.TableID]tablefile.Table{}, sets: map[string]*set{}, beside: map[string]bool{},
	}
}

// Plane returns the machine as an apply sees it.
func (m *Machine) Plane() dataplane.Plane {
	return dataplane.Plane{Rules: rules{m}, Sets: sets{m}, Settings: settings{m}, Files: files{m}, Connections: connections{m}, Probe: prober{m}}
}

// do runs an operation, or fails it.
func (m *Machine) do(operation string, act func() error) error {
	n := len(m.Done)
	m.Done = append(m.Done, operation)
	if m.Break != nil {
		if err := m.Break(n, operation); err != nil {
			if m.Late {
				_ = act() // that it failed is what is told
			}
			return err
		}
	}
	return act()
}

// Elapse lets time pass for what times out.
func (m *Machine) Elapse(d time.Duration) {
	m.passed += d
	for _, s := range m.sets {
		maps.DeleteFunc(s.members, func(_ member, ends time.Duration) bool { return ends != forever && ends <= m.passed })
	}
}

// Reboot takes away what a kernel forgets: rules, sets, and the settings that are
// not those of a fresh one.
func (m *Machine) Reboot(fresh map[string]string) {
	clear(m.tables)
	clear(m.sets)
	m.Settings = maps.Clone(fresh)
}

// Policy is that of a built-in chain of the filter table.
func (m *Machine) Policy(family ruleset.Family, chain string) string {
	if c := m.tables[state.TableID{Family: family, Name: "filter"}].Chain(chain); c != nil {
		return c.Policy
	}
	return "ACCEPT"
}

// String is all that the machine is: rules without counters, sets with their
// members but not how long these stay, settings, files, and the paths beside which
// something is left. Of two machines that are alike it is the same.
func (m *Machine) String() string {
	var b strings.Builder
	for _, id := range slices.SortedFunc(maps.Keys(m.tables), func(a, b state.TableID) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	}) {
		fmt.Fprintf(&b, "IPv%d\n%s", id.Family, tablefile.Render([]tablefile.Table{sorted(m.tables[id])}, false))
	}
	for _, name := range slices.Sorted(maps.Keys(m.sets)) {
		fmt.Fprintf(&b, "%s\n%s", m.sets[name].declared, m.sets[name].lines())
	}
	for _, path := range slices.Sorted(maps.Keys(m.Settings)) {
		fmt.Fprintf(&b, "%s = %s\n", path, m.Settings[path])
	}
	for _, path := range slices.Sorted(maps.Keys(m.Files)) {
		fmt.Fprintf(&b, "%s:\n%s\n", path, m.Files[path])
	}
	for _, path := range slices.Sorted(maps.Keys(m.beside)) {
		fmt.Fprintf(&b, "left beside %s\n", path)
	}
	return b.String()
}

// sorted is a table with its chains in order of their names, which no caller may
// rely on.
func sorted(t tablefile.Table) tablefile.Table {
	t = clone(t)
	slices.SortFunc(t.Chains, func(a, b tablefile.Chain) int { return strings.Compare(a.Name, b.Name) })
	return t
}
