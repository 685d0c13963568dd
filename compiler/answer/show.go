package answer

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/exact"
)

// Print writes the comparison for a person.
func (v *DiffView) Print(w io.Writer) error {
	_, err := io.WriteString(w, strings.Join(v.Full(), "\n")+"\n")
	return err
}

// Full is every difference in lines: who gets in first, then the rest.
func (v *DiffView) Full() (lines []string) {
	if v.Equal {
		return []string{Same}
	}
	for _, p := range parts {
		groups := grouped(v.Differences, p.in)
		if len(groups) > 0 && p.heading != "" {
			lines = append(lines, "", p.heading)
		}
		for _, g := range groups {
			lines = append(lines, g.lines(len(g.all), true)...)
		}
	}
	if v.More {
		lines = append(lines, "", "There are more differences.")
	}
	return lines
}

// Same says that two sets of rules mean the same.
const Same = "No packet is decided differently, nor added to other sets."

// parts are those of a comparison, with what is said before each.
var parts = []struct {
	heading string
	in      func(DifferenceView) bool
}{
	{"", func(d DifferenceView) bool { return d.First && d.Usual }},
	{"Only packets of open connections, and invalid ones:", func(d DifferenceView) bool { return d.Usual && !d.First }},
	{"Only in some states of sets, limits and connections:", func(d DifferenceView) bool { return !d.Usual }},
}

// Brief is the comparison in a screen: an example for each difference of first packets, a
// line for each that is there only in some states, and how many others there are.
func (v *DiffView) Brief() (lines []string) {
	if v.Equal {
		return []string{Same}
	}
	for _, g := range grouped(v.Differences, func(d DifferenceView) bool { return d.First && d.Usual }) {
		lines = append(lines, g.lines(mostBrief, true)...)
	}
	for _, g := range grouped(v.Differences, func(d DifferenceView) bool { return d.First && !d.Usual }) {
		g.title += ", in some states only"
		lines = append(lines, g.lines(mostBrief, false)...)
	}
	if n := len(merged(v.Differences, func(d DifferenceView) bool { return !d.First })); n > 0 {
		lines = append(lines, fmt.Sprintf("Packets of open connections, and invalid ones: %s", differences(n)))
	}
	if v.More {
		lines = append(lines, "There are more differences.")
	}
	return lines
}

// Risks are the differences with a risk, a line each and the risk behind it, and how many
// they are. full is for all of them.
func (v *DiffView) Risks(full bool) (lines []string, count int) {
	for _, g := range grouped(v.Differences, func(d DifferenceView) bool { return d.Risk != "" }) {
		most := mostBrief
		if full {
			most = len(g.all)
		}
		lines, count = append(lines, g.lines(most, false)...), count+len(g.all)
	}
	return lines, count
}

// mostBrief is how many differences of one kind Brief and Risks say.
const mostBrief = 6

func differences(n int) string {
	if n == 1 {
		return "1 difference"
	}
	return fmt.Sprintf("%d differences", n)
}

// Risky is the word before a risk.
const Risky = "risky:"

// group is differences with the same title, such as "IPv4, to this host: newly accepted".
type group struct {
	title string
	all   []DifferenceView
}

// toHost are the hooks in words.
var toHost = map[string]string{"INPUT": "to this host", "FORWARD": "through this host", "OUTPUT": "from this host"}

// grouped are the differences that in tells.
func grouped(all []DifferenceView, in func(DifferenceView) bool) (groups []group) {
	for _, d := range merged(all, in) {
		families := fmt.Sprintf("IPv%d", d.Family)
		if d.Family == 0 {
			families = "IPv4 and IPv6"
		}
		title := fmt.Sprintf("%s, %s: %s", families, toHost[d.Hook], d.Change)
		at := slices.IndexFunc(groups, func(g group) bool { return g.title == title })
		if at < 0 {
			at = len(groups)
			groups = append(groups, group{title: title})
		}
		groups[at].all = append(groups[at].all, d)
	}
	return groups
}

// merged are the differences that in tells. Two that read alike in both families are one,
// of family 0.
func merged(all []DifferenceView, in func(DifferenceView) bool) (told []DifferenceView) {
	keys := map[string]int{}
	for _, d := range all {
		if !in(d) {
			continue
		}
		if at, known := keys[d.key()]; known && told[at].Family != d.Family && told[at].Family != 0 {
			told[at].Family = 0
			continue
		}
		keys[d.key()] = len(told)
		told = append(told, d)
	}
	return told
}

// familiesAlike makes the names of a set's two kernel sets one.
var familiesAlike = strings.NewReplacer("-v4", "", "-v6", "")

// key is what a person reads of a difference, but for the example and the rules that decide
// it. Rules of others are not alike in both families.
func (d DifferenceView) key() string {
	text := fmt.Sprint(d.Hook, d.Change, d.First, d.Usual, d.RegionView, d.Conditions, d.Sets, d.Before.Verdict, d.After.Verdict, d.Open, d.Risk)
	for _, decided := range []DecidedView{d.Before, d.After} {
		if decided.Rule != nil && decided.Rule.Origin == "" && decided.Rule.Number > 0 {
			text += decided.Rule.Text
		}
	}
	return familiesAlike.Replace(text)
}

// lines are the title of a group, and at most so many of its differences, with or without
// the example and the rules.
func (g group) lines(most int, whole bool) []string {
	lines := []string{g.title}
	for _, d := range g.all[:min(most, len(g.all))] {
		if whole {
			lines = append(lines, d.lines()...)
		} else {
			lines = append(lines, d.line())
		}
		if d.Risk != "" {
			lines = append(lines, "    "+Risky+" "+d.Risk)
		}
	}
	if more := len(g.all) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	return lines
}

// packets says which packets differ, as the start of a line.
func (d DifferenceView) packets() string {
	return "  " + d.RegionView.text(d.Hook == string(exact.Output))
}

// line is a difference in a line.
func (d DifferenceView) line() string {
	text := d.packets()
	if len(d.Conditions) > 0 {
		text += ", such as if " + strings.Join(d.Conditions, " and ")
	}
	if len(d.Sets) > 0 {
		text += ": " + strings.Join(sentences(d.Sets), "; ")
	}
	return text
}

// lines are a difference with its example, and the rules of both sides.
func (d DifferenceView) lines() []string {
	lines := []string{d.packets(), "    example: " + d.Example}
	for _, c := range d.Conditions {
		lines = append(lines, "    if:      "+c)
	}
	if len(d.Sets) > 0 {
		for _, sentence := range sentences(d.Sets) {
			lines = append(lines, "    "+sentence)
		}
		return lines
	}
	return append(lines, "    before:  "+d.Before.text(), "    after:   "+d.After.text())
}

// text says a verdict and the rule that gives it.
func (d DecidedView) text() string { return loud(d.Verdict) + ", " + d.Rule.at() }

// sentences puts those with the same verb into one: "newly added to A, B".
func sentences(all []string) (joined []string) {
	last := ""
	for _, sentence := range all {
		at := strings.LastIndex(sentence, " ") + 1
		if verb := sentence[:at]; verb != last {
			joined = append(joined, sentence)
			last = verb
		} else {
			joined[len(joined)-1] += ", " + sentence[at:]
		}
	}
	return joined
}
