// Package answer says in words what package exact finds out: which packets reach a host,
// why one does, and which ones two sets of rules decide differently. It names ports,
// sources and sets as the profile does, and rules by the profile's line. The data is plain:
// what a command prints, its JSON, and what a plan says are made of the same. The package
// is pure.
package answer

import (
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Subject is the rules and sets that a question is about.
type Subject struct {
	Name string
	// Firewalls are of the families that the subject speaks of.
	Firewalls map[ruleset.Family]*exact.Firewall

	origins map[place]bundle.Origin
	// sets are the parts of the profile that kernel sets come from, such as "sets.office".
	sets    map[string]namedSet
	zones   []bundle.ZoneEntry
	remarks []bundle.RemarkEntry
	display func(file string) string
}

// namedSet is a kernel set: the part of the profile that it is of, and its name there if the
// kernel's is shorter.
type namedSet struct{ part, long string }

// place is a rule of a family.
type place struct {
	family int
	rule   exact.RuleID
}

// New returns rules and sets of some families, with what a manifest knows of them. display
// says how the name of a profile's file is shown; nil as it is.
func New(name string, firewalls map[ruleset.Family]*exact.Firewall, m bundle.Manifest, display func(file string) string) *Subject {
	if display == nil {
		display = func(file string) string { return file }
	}
	s := &Subject{Name: name, Firewalls: firewalls, origins: map[place]bundle.Origin{}, sets: map[string]namedSet{}, zones: m.Zones, remarks: m.Remarks, display: display}
	for _, r := range m.Rules {
		s.origins[place{r.Family, exact.RuleID{Table: r.Table, Chain: r.Chain, Number: r.Number}}] = r.Origin
	}
	for _, set := range m.Sets {
		s.sets[set.Name] = namedSet{set.Part, set.Long}
	}
	for _, p := range m.Policies {
		s.origins[place{p.Family, exact.RuleID{Table: p.Table, Chain: p.Chain}}] = p.Origin
	}
	return s
}

// Of is New of the rules and sets of a bundle.
func Of(name string, b *bundle.Bundle, display func(file string) string) (*Subject, error) {
	firewalls := map[ruleset.Family]*exact.Firewall{}
	for family, file := range map[ruleset.Family]string{ruleset.V4: bundle.RulesV4, ruleset.V6: bundle.RulesV6} {
		f, err := exact.Read(family, b.File(file), b.File(bundle.Sets))
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", file, name, err)
		}
		firewalls[family] = f
	}
	return New(name, firewalls, b.Manifest, display), nil
}

// Borrow takes from a bundle what it knows of the rules that a subject has as well, in the
// same place and in the same words: the profile's lines, and the names of sets.
func (s *Subject) Borrow(b *bundle.Bundle) error {
	from, err := Of(s.Name, b, nil)
	if err != nil {
		return err
	}
	for at, origin := range from.origins {
		f := s.Firewalls[ruleset.Family(at.family)]
		if f != nil && f.Text(at.rule) == from.Firewalls[ruleset.Family(at.family)].Text(at.rule) {
			s.origins[at] = origin
		}
	}
	s.sets, s.remarks = from.sets, from.remarks
	return nil
}

// frozen is the subject with sets that keep what they have, if that is known.
func (s *Subject) frozen() *Subject {
	still := *s
	still.Firewalls = map[ruleset.Family]*exact.Firewall{}
	for family, f := range s.Firewalls {
		still.Firewalls[family] = f.Frozen()
	}
	return &still
}

// Origin is the profile line of a rule, as "web.toml:12: services.ssh"; "" for none.
func (s *Subject) Origin(family ruleset.Family, id exact.RuleID) string {
	o, known := s.origins[place{int(family), id}]
	if !known {
		return ""
	}
	at := o.Position()
	at.File = s.display(at.File)
	text := fmt.Sprintf("%s: %s", at, o.Part)
	for _, r := range s.remarks {
		if strings.HasPrefix(o.Part+".", r.Part+".") && r.Entry == "" && r.Description != "" {
			text += " (" + r.Description + ")"
		}
	}
	return text
}
