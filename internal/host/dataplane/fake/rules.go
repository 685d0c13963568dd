package fake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// builtIn are the built-in chains of each table, in the order of iptables-save.
var builtIn = map[string][]string{
	"filter":   {"INPUT", "FORWARD", "OUTPUT"},
	"nat":      {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"},
	"mangle":   {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"},
	"raw":      {"PREROUTING", "OUTPUT"},
	"security": {"INPUT", "FORWARD", "OUTPUT"},
}

// emptyTable is a table as the kernel makes it.
func emptyTable(name string) tablefile.Table {
	t := tablefile.Table{Name: name}
	for _, chain := range builtIn[name] {
		t.Chains = append(t.Chains, tablefile.Chain{Name: chain, Policy: "ACCEPT"})
	}
	return t
}

type rules struct{ m *Machine }

// Tables implements dataplane.Rules.
func (r rules) Tables(_ context.Context, family ruleset.Family) (state.State, error) {
	return state.State{Tables: r.m.tablesOf(family)}, nil
}

func (m *Machine) tablesOf(families ...ruleset.Family) map[state.TableID]tablefile.Table {
	tables := map[state.TableID]tablefile.Table{}
	for id, t := range m.tables {
		if slices.Contains(families, id.Family) {
			tables[id] = clone(t)
		}
	}
	return tables
}

// RuleOfInput implements dataplane.Rules.
func (r rules) RuleOfInput(_ context.Context, family ruleset.Family, number int) (tablefile.Rule, error) {
	c := r.m.tables[state.TableID{Family: family, Name: "filter"}].Chain("INPUT")
	if c == nil || len(c.Rules) < number {
		return tablefile.Rule{}, fmt.Errorf("iptables: no rule number %d", number)
	}
	return c.Rules[number-1], nil
}

// Load implements dataplane.Rules. It stops at the first table that is refused.
func (r rules) Load(_ context.Context, family ruleset.Family, text []byte, flush bool) error {
	name := "iptables-restore"
	if family == ruleset.V6 {
		name = "ip6tables-restore"
	}
	return r.m.do(name, func() error {
		f, err := tablefile.Read(text)
		if err != nil {
			return refused(name, 0, err)
		}
		before := 0
		for _, block := range f.Blocks {
			if err := r.m.loadTable(family, block, flush); err != nil {
				return refused(name, before, err)
			}
			before += len(block.Lines)
		}
		return nil
	})
}

// loadTable loads one table, wholly or not at all.
func (m *Machine) loadTable(family ruleset.Family, block tablefile.Block, flush bool) error {
	if block.Table == "" {
		return nil
	}
	id, lines := state.TableID{Family: family, Name: block.Table}, string(block.Bytes())
	table, there := m.tables[id]
	if !there || flush {
		table = emptyTable(id.Name)
	}
	loaded, err := Restore(table, lines)
	if err == nil {
		err = m.withoutSet(loaded, lines)
	}
	if err != nil {
		return err
	}
	m.tables[id] = loaded
	return nil
}

// withoutSet finds a rule that names a set that is not there.
func (m *Machine) withoutSet(t tablefile.Table, lines string) error {
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			for _, name := range r.Sets() {
				if m.sets[name] == nil {
					return atCommit(lines, toolError("Set "+name+" doesn't exist"))
				}
			}
		}
	}
	return nil
}

// references counts the rules that name a set.
func (m *Machine) references(name string) (n int) {
	for t := range maps.Values(m.tables) {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				n += r.UsesOfSet(name)
			}
		}
	}
	return n
}

// refused is the error of a tool that has refused a line.
func refused(name string, before int, err error) error {
	e := &tool.Error{Tool: name, ExitCode: 1, Words: name + ": " + err.Error(), Err: errors.New("exit code 1")}
	var line *LineError
	if errors.As(err, &line) {
		e.Line, e.Text = before+line.Line, line.Text
		e.Words = fmt.Sprintf("%s: line %d failed: %v", name, e.Line, line.Err)
	}
	return e
}
