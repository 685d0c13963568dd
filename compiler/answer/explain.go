package answer

import (
	"fmt"
	"io"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// RuleView is the JSON form of a rule.
type RuleView struct {
	Table  string `json:"table"`
	Chain  string `json:"chain"`
	Number int    `json:"number"` // 0 for the policy of the chain
	Text   string `json:"text"`
	// Origin is the profile line that made the rule.
	Origin string `json:"origin,omitempty"`
}

// ExplanationView is the JSON form of an explanation.
type ExplanationView struct {
	Packet  string     `json:"packet"`
	Hook    string     `json:"hook"`
	Verdict string     `json:"verdict"`
	Rule    *RuleView  `json:"rule"`
	Way     []StepView `json:"way"`
	// Now are the sets of a host in which the packet is at the moment.
	Now    []string        `json:"now,omitempty"`
	Unless []ExceptionView `json:"unless"`
	// More says that there are exceptions beside those of Unless.
	More bool `json:"more"`
}

// StepView is one rule on the way of a packet.
type StepView struct {
	Depth int `json:"depth"`
	RuleView
}

// ExceptionView is another verdict, and the conditions that must all be true for it.
type ExceptionView struct {
	Verdict    string    `json:"verdict"`
	Rule       *RuleView `json:"rule"`
	Conditions []string  `json:"conditions"`
}

// Explain says what the rules of a subject do with a packet.
func (s *Subject) Explain(p exact.Packet) (*ExplanationView, error) {
	f := s.Firewalls[p.Family]
	if f == nil {
		return nil, fmt.Errorf("%s has no rules of IPv%d", s.Name, p.Family)
	}
	hook := exact.HookOf(p)
	e, err := exact.Explain(f, hook, p)
	if err != nil {
		return nil, err
	}
	v := &ExplanationView{
		Packet: e.Packet.String(), Hook: string(hook), Verdict: e.Verdict.String(), Rule: s.rule(p.Family, e.By), More: e.More,
		Way: []StepView{}, Now: e.Now, Unless: []ExceptionView{},
	}
	for _, step := range e.Way {
		v.Way = append(v.Way, StepView{step.Depth, *s.rule(p.Family, step.Rule)})
	}
	for _, x := range e.Unless {
		v.Unless = append(v.Unless, ExceptionView{x.Verdict.String(), s.rule(p.Family, x.By), x.Conditions})
	}
	return v, nil
}

// rule is the view of a rule; nil for none.
func (s *Subject) rule(family ruleset.Family, id exact.RuleID) *RuleView {
	if id.Table == "" {
		return nil
	}
	return &RuleView{id.Table, id.Chain, id.Number, s.Firewalls[family].Text(id), s.Origin(family, id)}
}

// at says which rule it is and where it comes from.
func (r *RuleView) at() string {
	if r == nil {
		return "no rule is for it"
	}
	text := exact.RuleID{Table: r.Table, Chain: r.Chain, Number: r.Number}.String()
	switch {
	case r.Origin != "":
		text += ", " + r.Origin
	case r.Number > 0: // nobody's profile has it: its text tells what it is
		text += ": " + strings.ReplaceAll(r.Text, "\n", `\x0a`)
	}
	return text
}

// Print writes an explanation for a person.
func (v *ExplanationView) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s: %s\n", v.Packet, loud(v.Verdict), v.Rule.at())
	if len(v.Way) > 0 {
		b.WriteString("\nThe rules that match, in order:\n")
	}
	for _, step := range v.Way {
		fmt.Fprintf(&b, "  %s%s %d  %s\n", strings.Repeat("  ", step.Depth), step.Chain, step.Number, brief(step.RuleView))
	}
	if len(v.Now) > 0 {
		fmt.Fprintf(&b, "\nNow:\n  %s\n", strings.Join(v.Now, "\n  "))
	}
	v.printUnless(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// printUnless says with what the verdict is another.
func (v *ExplanationView) printUnless(b *strings.Builder) {
	if len(v.Unless) == 0 {
		if !strings.HasPrefix(v.Verdict, string(exact.Other)) {
			b.WriteString("\nThis holds in every state of sets, limits and connections.\n")
		}
		return
	}
	b.WriteString("\nUnless:\n")
	for _, x := range v.Unless {
		fmt.Fprintf(b, "  %s: %s\n", loud(x.Verdict), strings.Join(x.Conditions, "; and "))
		fmt.Fprintf(b, "    %s\n", x.Rule.at())
	}
	if v.More {
		b.WriteString("  There are more such states. State more of the packet to see them.\n")
	}
}

// brief is a rule in few words: its comment if it has one, its target and its origin.
func brief(r RuleView) string {
	_, target, _ := strings.Cut(r.Text, "-j ")
	if _, chain, goes := strings.Cut(r.Text, "-g "); target == "" && goes {
		target = chain
	}
	text := "counts"
	if target != "" {
		text = "-> " + target
	}
	if r.Origin != "" {
		text += "  (" + r.Origin + ")"
	}
	return text
}
