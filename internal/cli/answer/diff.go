package answer

import (
	"fmt"
	"io"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// DiffView is the JSON form of a comparison.
type DiffView struct {
	Equal       bool             `json:"equal"`
	Differences []DifferenceView `json:"differences"`
	// More says that there are differences beside these.
	More bool `json:"more"`
}

// DifferenceView is packets that are decided differently.
type DifferenceView struct {
	Family int `json:"family"`
	// Hook is INPUT for packets to the host, FORWARD for those through it, OUTPUT for
	// those from it.
	Hook   string `json:"hook"`
	Change string `json:"change"`
	// First is true where first packets of connections differ.
	First bool `json:"first"`
	// Usual is false for a difference that is there only in some states of sets, limits
	// and connections, such as Conditions.
	Usual bool `json:"usual"`
	RegionView
	Example    string      `json:"example"`
	Conditions []string    `json:"conditions"`
	Before     DecidedView `json:"before"`
	After      DecidedView `json:"after"`
	// Sets says what is other where only sets are: "newly added to hardenctl-ban-v4".
	Sets []string `json:"sets,omitempty"`
}

// DecidedView is what one side does with the example.
type DecidedView struct {
	Verdict string    `json:"verdict"`
	Rule    *RuleView `json:"rule"`
}

// Diff says which packets two subjects decide differently, in the families that both
// speak of.
func Diff(before, after *Subject) (*DiffView, error) {
	v := &DiffView{Differences: []DifferenceView{}}
	common := false
	for _, family := range ruleset.Families {
		a, b := before.Firewalls[family], after.Firewalls[family]
		if a == nil || b == nil {
			continue
		}
		common = true
		differences, more := exact.Compare(a, b)
		v.More = v.More || more
		for _, d := range differences {
			v.Differences = append(v.Differences, view(before, after, family, d))
		}
	}
	if !common {
		return nil, fmt.Errorf("%s and %s have no family in common: one is of IPv4, the other of IPv6", before.Name, after.Name)
	}
	v.Equal = len(v.Differences) == 0
	return v, nil
}

func view(before, after *Subject, family ruleset.Family, d exact.Difference) DifferenceView {
	say := speech{family, []*Subject{before, after}}
	return DifferenceView{
		Family: int(family), Hook: string(d.Hook), Change: string(d.Change), First: d.First, Usual: d.Usual, RegionView: say.region(d.Region),
		Example: d.Example.String(), Conditions: conditions(d.Conditions), Sets: d.Sets,
		Before: DecidedView{d.Before.Verdict.String(), before.rule(family, d.Before.By)},
		After:  DecidedView{d.After.Verdict.String(), after.rule(family, d.After.By)},
	}
}

// Print writes the comparison for a person: who gets in first, then the rest.
func (v *DiffView) Print(w io.Writer) error {
	var b strings.Builder
	if v.Equal {
		b.WriteString("No packet is decided differently, nor added to other sets.\n")
	}
	v.printPart(&b, "", func(d DifferenceView) bool { return d.First })
	v.printPart(&b, "Only packets of open connections, and invalid ones:", func(d DifferenceView) bool { return d.Usual && !d.First })
	v.printPart(&b, "Only in some states of sets, limits and connections:", func(d DifferenceView) bool { return !d.Usual })
	if v.More {
		b.WriteString("\nThere are more differences.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printPart writes the differences of one part, under its heading.
func (v *DiffView) printPart(b *strings.Builder, heading string, in func(DifferenceView) bool) {
	last := ""
	for _, d := range v.Differences {
		if !in(d) {
			continue
		}
		if last == "" && heading != "" {
			fmt.Fprintf(b, "\n%s\n", heading)
		}
		if title := fmt.Sprintf("IPv%d, %s: %s", d.Family, toHost[d.Hook], d.Change); title != last {
			fmt.Fprintf(b, "%s\n", title)
			last = title
		}
		d.print(b)
	}
}

// toHost are the hooks in words.
var toHost = map[string]string{"INPUT": "to this host", "FORWARD": "through this host", "OUTPUT": "from this host"}

func (d DifferenceView) print(b *strings.Builder) {
	d.RegionView.print(b, d.Hook == string(exact.Output))
	fmt.Fprintf(b, "\n    example: %s\n", d.Example)
	for _, c := range d.Conditions {
		fmt.Fprintf(b, "    if:      %s\n", c)
	}
	if len(d.Sets) > 0 {
		printSets(b, d.Sets)
		return
	}
	fmt.Fprintf(b, "    before:  %s, %s\n", loud(d.Before.Verdict), d.Before.Rule.at())
	fmt.Fprintf(b, "    after:   %s, %s\n", loud(d.After.Verdict), d.After.Rule.at())
}

// printSets writes what sentences say, those with the same verb on one line.
func printSets(b *strings.Builder, sentences []string) {
	last := ""
	for _, sentence := range sentences {
		at := strings.LastIndex(sentence, " ") + 1
		if verb := sentence[:at]; verb != last {
			if last != "" {
				b.WriteString("\n")
			}
			b.WriteString("    " + verb + sentence[at:])
			last = verb
		} else {
			b.WriteString(", " + sentence[at:])
		}
	}
	b.WriteString("\n")
}
