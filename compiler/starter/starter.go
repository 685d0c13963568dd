// Package starter writes a profile for a host that other rules protect today: a beginning
// for its owner, who reads and completes it.
//
// It does not translate rule by rule. Package exact says what reaches the host: which
// ports, by which interfaces, from which sources. The starter states these as services,
// zones and sets, each with the rules that it comes from. So it does not matter in how many
// chains the old rules say it. What a profile cannot say, or what is not asked for by
// packets to the host, is left, and named with its line: nothing is dropped in silence.
//
// The package is pure.
package starter

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// Dump is what iptables-save or ip6tables-save printed, or rules that stand for the files
// of another tool.
type Dump struct {
	File     string // its name, for people
	Family   ruleset.Family
	Text     []byte
	Firewall *exact.Firewall // of the text
	// Lines are where rules come from, if not from the line of the text where they are.
	Lines map[exact.RuleID]Line
}

// Line is a line of a file.
type Line struct {
	File   string
	Number int // from 1
	Text   string
}

// String is "rules.v4:12: -A INPUT …".
func (l Line) String() string { return fmt.Sprintf("%s:%d: %s", l.File, l.Number, l.Text) }

// Starter is a profile, and what it does not carry over.
type Starter struct {
	Profile []byte
	// Left is in the order of files and lines.
	Left []Left
}

// Left is a line that the profile does not carry over, or not wholly.
type Left struct {
	File string `json:"file"`
	Line int    `json:"line"` // from 1
	Rule string `json:"rule"`
	Why  string `json:"why"`
}

// Old is what a host has: at most one dump of each family.
type Old struct {
	Files []string // the names, for people, in the order in which they were given
	Dumps []Dump
	Left  []Left // what the dumps do not say
}

// Make returns a profile that lets in what old rules let in. The error is exact.ErrTooMuch.
func Make(old Old) (*Starter, error) {
	m := &maker{Old: old, lines: map[place]Line{}}
	for _, d := range m.Dumps {
		m.count(d)
	}
	for _, d := range m.Dumps {
		if err := m.read(d); err != nil {
			return nil, fmt.Errorf("%s: %w", d.File, err)
		}
	}
	m.trusted = m.trusts()
	m.widen()
	for _, d := range m.Dumps {
		m.others(d)
	}
	s := &Starter{Profile: m.profile(), Left: m.Left}
	slices.SortStableFunc(s.Left, func(a, b Left) int {
		return cmp.Or(slices.Index(m.Files, a.File)-slices.Index(m.Files, b.File), a.Line-b.Line)
	})
	return s, nil
}

// place is a rule of a family.
type place struct {
	family ruleset.Family
	rule   exact.RuleID
}

// maker is the work of one starter.
type maker struct {
	Old
	lines  map[place]Line
	grants []*grant
	wide   []wide
	// everything are the rules that open every port by an interface, trusted what zones of
	// these trust.
	everything []everything
	trusted    map[string]trust
}

// count notes the line of each rule and policy.
func (m *maker) count(d Dump) {
	number, rules := 0, map[exact.RuleID]int{}
	for line := range tablefile.Lines(string(d.Text)) {
		number++
		id := exact.RuleID{Table: line.Table, Chain: line.Chain}
		if line.Kind == tablefile.Command {
			rules[id]++
			id.Number = rules[exact.RuleID{Table: line.Table, Chain: line.Chain}]
		}
		if line.Kind == tablefile.Command || line.Kind == tablefile.Declare {
			m.lines[place{d.Family, id}] = Line{d.File, number, line.String()}
		}
	}
	for id, line := range d.Lines {
		m.lines[place{d.Family, id}] = line
	}
}

// leave notes that a rule is not carried over. A rule that is left twice is named once.
func (m *maker) leave(d Dump, id exact.RuleID, why string) {
	l := m.lines[place{d.Family, id}]
	if !slices.ContainsFunc(m.Left, func(known Left) bool { return known.File == l.File && known.Line == l.Number }) {
		m.Left = append(m.Left, Left{File: l.File, Line: l.Number, Rule: l.Text, Why: why})
	}
}

// read finds what reaches the host of a dump.
func (m *maker) read(d Dump) error {
	open, more, err := exact.ReachWithin(d.Firewall, netip.Addr{}, "", 0, exact.MostSteps)
	if err != nil {
		return err
	}
	for _, zones := range []bool{true, false} { // what reaches every port by an interface first
		for _, o := range open {
			if zones != isZone(o.Region) {
				continue
			}
			if why := m.grant(d, o); why != "" {
				m.leave(d, o.By, why)
			}
		}
	}
	if more {
		m.leave(d, exact.RuleID{Table: "filter", Chain: "INPUT"}, "the rules let in more than is listed here; `hardenctl reach --rules "+d.File+"` says more")
	}
	return nil
}

// others names the rules that packets to the host do not meet, and limits.
func (m *maker) others(d Dump) {
	input, forward, output := chainsFrom(d.Firewall, "INPUT"), chainsFrom(d.Firewall, "FORWARD"), chainsFrom(d.Firewall, "OUTPUT")
	for id := range d.Firewall.Rules() {
		switch {
		case id.Table == "filter" && input[id.Chain]:
			if limits(d.Firewall.Text(id)) {
				m.leave(d, id, "a limit: state new_per_source or connections_per_source of the service")
			}
		case id.Table == "filter" && forward[id.Chain]:
			m.leave(d, id, "packets that are sent on: a profile leaves FORWARD as it is")
		case id.Table == "filter" && output[id.Chain]:
			m.leave(d, id, "packets that this host sends: a profile leaves OUTPUT as it is")
		case id.Table == "filter":
			m.leave(d, id, "no chain leads here")
		case id.Table == "nat":
			m.leave(d, id, "translation: a profile leaves table nat as it is")
		default:
			m.leave(d, id, "a profile leaves the rules of others in table "+id.Table+" as they are")
		}
	}
}

// limits reports whether a rule that decides asks how much or how often.
func limits(spec string) bool {
	r := tablefile.Rule{Spec: spec}
	asked, _ := r.Matches() // the dump was read
	return r.Target() != "LOG" && r.Target() != "NFLOG" && slices.ContainsFunc(asked, func(m tablefile.Match) bool {
		return slices.Contains([]string{"limit", "hashlimit", "connlimit", "recent", "quota"}, m.Name)
	})
}

// chainsFrom are the chains of table filter to which a chain leads, and itself.
func chainsFrom(f *exact.Firewall, chain string) map[string]bool {
	found := map[string]bool{}
	at := slices.IndexFunc(f.Tables, func(t tablefile.Table) bool { return t.Name == "filter" })
	var visit func(name string)
	visit = func(name string) {
		c := f.Tables[at].Chain(name)
		if c == nil || found[name] {
			return
		}
		found[name] = true
		for _, r := range c.Rules {
			visit(r.Target())
		}
	}
	if at >= 0 {
		visit(chain)
	}
	return found
}
