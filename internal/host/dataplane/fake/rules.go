package fake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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

// FirstOfInput implements dataplane.Rules.
func (r rules) FirstOfInput(_ context.Context, family ruleset.Family) (tablefile.Rule, error) {
	c := r.m.tables[state.TableID{Family: family, Name: "filter"}].Chain("INPUT")
	if c == nil || len(c.Rules) == 0 {
		return tablefile.Rule{}, errors.New("iptables: no rule number 1")
	}
	return c.Rules[0], nil
}

// Load implements dataplane.Rules. It stops at the first table that is refused.
func (r rules) Load(_ context.Context, family ruleset.Family, text []byte, flush bool) error {
	name := "iptables-restore"
	if family == ruleset.V6 {
		name = "ip6tables-restore"
	}
	return r.m.do(name, func() error {
		before := 0
		for _, part := range tablesIn(string(text)) {
			if err := r.m.loadTable(family, part, flush); err != nil {
				return refused(name, before, err)
			}
			before += strings.Count(part, "\n")
		}
		return nil
	})
}

// tablesIn cuts an input after each COMMIT.
func tablesIn(text string) (parts []string) {
	part := ""
	for line := range strings.Lines(text) {
		if part += line; strings.TrimSpace(line) == "COMMIT" {
			parts, part = append(parts, part), ""
		}
	}
	return parts
}

// loadTable loads one table, wholly or not at all.
func (m *Machine) loadTable(family ruleset.Family, lines string, flush bool) error {
	id := state.TableID{Family: family, Name: tableNamed(lines)}
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

// tableNamed is the table that an input is about.
func tableNamed(lines string) string {
	for line := range strings.Lines(lines) {
		if name, found := strings.CutPrefix(line, "*"); found {
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// withoutSet finds a rule that names a set that is not there.
func (m *Machine) withoutSet(t tablefile.Table, lines string) error {
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			for _, name := range setsOf(r) {
				if m.sets[name] == nil {
					return &LineError{strings.Count(lines, "\n"), "COMMIT", fmt.Errorf("Set %s doesn't exist", name)}
				}
			}
		}
	}
	return nil
}

// setsOf names the sets that a rule names.
func setsOf(r tablefile.Rule) (names []string) {
	words, _ := tablefile.Words(r.Spec)
	for i, word := range words[:max(0, len(words)-1)] {
		if slices.Contains([]string{"--match-set", "--add-set", "--del-set", "--map-set"}, word) {
			names = append(names, words[i+1])
		}
	}
	return names
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
