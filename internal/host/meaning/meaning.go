// Package meaning says what a plan changes for packets: which are accepted from now on and
// were not, and the reverse. It makes a firewall of what the host has, and one of what it
// will have, rules of others included, and lets package answer compare the two. It reads
// nothing: a Meaning is a function of the two sides of a plan.
//
// Members of sets are those that a plan reads anyway: of our own sets that packets do not
// fill. A set of others, or one that packets fill, is a fact that both sides share.
package meaning

import (
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Meaning is what a plan changes for packets, as plain data.
type Meaning struct {
	// Unknown says why it is not worked out; the rest is empty then.
	Unknown string `json:"unknown,omitempty"`
	// Differences are the packets that are decided differently, or counted differently.
	Differences []answer.DifferenceView `json:"differences"`
	// More says that there are differences beside these.
	More bool `json:"more"`
	// Listeners are the programs that some will reach no more.
	Listeners []Loss `json:"listeners"`
}

// steps bounds the work for one family, to about a second and to 100 MB.
const steps = 4_000_000

// Of returns what becomes of packets when a host that has the one state gets the other:
// want has what is ours alone. The manifest says which policies the profile states, and
// which line wants which rule.
func Of(have, want state.State, m bundle.Manifest) *Meaning {
	before, err := Firewalls(have)
	if err != nil {
		return unknown(fmt.Errorf("the rules of this host: %w", err))
	}
	after, err := Firewalls(Become(have, want, m))
	if err != nil {
		return unknown(fmt.Errorf("the new rules: %w", err))
	}
	for _, family := range ruleset.Families {
		if before[family] == nil && after[family] != nil {
			before[family], _ = exact.New(family, nil, nil) // no rules, no error
		}
	}
	v, err := answer.DiffWithin(answer.New("this host", before, named(m), nil), answer.New(m.Profile, after, m, nil), steps)
	if err != nil {
		return unknown(err)
	}
	return &Meaning{Differences: v.Differences, More: v.More, Listeners: []Loss{}}
}

// Lines says it for a person: in a screen, or in full.
func (m *Meaning) Lines(full bool) []string {
	if m.Unknown != "" {
		return []string{"The meaning of this change is not worked out: " + m.Unknown + "."}
	}
	if full {
		return m.view().Full()
	}
	return m.view().Brief()
}

// Risks says what is risky, and how much of it there is. What is not known is risky.
func (m *Meaning) Risks(full bool) (lines []string, count int) {
	lines, count = m.view().Risks(full)
	switch {
	case m.Unknown != "":
		lines, count = append(lines, "  "+answer.Risky+" what the changed rules do to packets is unknown: "+m.Unknown), count+1
	case m.More:
		lines, count = append(lines, "  "+answer.Risky+" there are more differences than this plan lists"), count+1
	}
	return lines, count
}

func (m *Meaning) view() *answer.DiffView {
	return &answer.DiffView{Equal: len(m.Differences) == 0, Differences: m.Differences, More: m.More}
}

func unknown(err error) *Meaning {
	return &Meaning{Unknown: err.Error(), Differences: []answer.DifferenceView{}, Listeners: []Loss{}}
}

// named are the names that a manifest gives sets, and nothing else: its rules are not those
// of the host.
func named(m bundle.Manifest) bundle.Manifest { return bundle.Manifest{Sets: m.Sets} }

// Firewalls are the rules and sets of each family of a state.
func Firewalls(s state.State) (map[ruleset.Family]*exact.Firewall, error) {
	tables := map[ruleset.Family][]tablefile.Table{}
	for id, t := range s.Tables {
		tables[id.Family] = append(tables[id.Family], t)
	}
	var sets []exact.Set
	for name, set := range s.Sets {
		sets = append(sets, setOf(name, set))
	}
	made := map[ruleset.Family]*exact.Firewall{}
	for family, all := range tables {
		f, err := exact.New(family, all, sets)
		if err != nil {
			return nil, fmt.Errorf("IPv%d: %w", family, err)
		}
		made[family] = f
	}
	return made, nil
}

// setOf is a set with its members, where they were read and stay as they are.
func setOf(name string, s state.Set) exact.Set {
	made := exact.Set{Set: setfile.Set{Name: name, Type: string(s.Type)}}
	option := func(given bool, name, value string) {
		if given {
			made.Options = append(made.Options, setfile.Option{Name: name, Value: value})
		}
	}
	option(s.Family == ruleset.V6, "family", "inet6")
	option(s.HasTimeout, "timeout", fmt.Sprint(s.Timeout))
	option(s.ForceAdd, "forceadd", "")
	if owned.Set(name) && !s.Dynamic && s.Type == ruleset.HashNet && s.Odd == 0 {
		made.Members = &s.Members
	}
	return made
}
