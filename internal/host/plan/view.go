package plan

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/answer"
)

// Print writes the plan for a person, and returns the first error of w: what it means for
// packets, then how much changes. full lists each change.
func (p *Plan) Print(w io.Writer, colour, full bool) error {
	out := bufio.NewWriter(w)
	v := view{w: out, colour: colour}
	v.meaning(p, full)
	if full || len(p.Changes) <= fewChanges {
		v.changes(p.Changes)
	} else {
		v.counts(p.Changes)
	}
	v.outOfReach(p.OutOfReach)
	v.untouched(p.Untouched, full)
	v.access(p)
	v.notes(p.Notes)
	v.rivals(p.Rivals)
	v.risks(p, full)
	v.summary(p)
	return out.Flush()
}

// fewChanges are so many that each has room on a screen.
const fewChanges = 8

// view prints to a writer that keeps its first error until it is flushed.
type view struct {
	w      *bufio.Writer
	colour bool
}

// tints are the ANSI colours of the actions.
var tints = map[Action]string{Add: "32", Change: "33", Remove: "31"}

func (v view) paint(tint, text string) string {
	if !v.colour {
		return text
	}
	return "\x1b[" + tint + "m" + text + "\x1b[0m"
}

func (v view) title(text string) { v.line("%s", v.paint("1", text)) }

// line prints one line: a name in it that has a newline makes no other.
func (v view) line(format string, parts ...any) {
	text := fmt.Sprintf(format, parts...)
	fmt.Fprintln(v.w, strings.ReplaceAll(text, "\n", `\x0a`))
}

// changes lists each change.
func (v view) changes(all []Step) {
	section := ""
	for _, s := range all {
		if title := sectionOf(s); title != section {
			section = title
			v.title(title)
		}
		v.step(s)
	}
}

// counts says how much changes, and lists what has room on a screen.
func (v view) counts(all []Step) {
	var order []string
	sections, counted := map[string][]Step{}, map[string]map[string]int{}
	for _, s := range all {
		section := sectionOf(s)
		if sections[section] == nil {
			order, counted[section] = append(order, section), map[string]int{}
		}
		sections[section] = append(sections[section], s)
		counted[section][string(s.Action)+string(s.Kind)]++
	}
	v.title("Changes (--full lists each)")
	for _, section := range order {
		v.line("    %s: %s", section, v.count(counted[section]))
	}
	for _, section := range order {
		if len(sections[section]) <= fewOf(sections[section][0].Kind) {
			v.changes(sections[section])
		}
	}
}

// fewOf are so many changes of a section that each is listed. Files are few by their nature.
func fewOf(k Kind) int {
	if k == File {
		return 2 * fewChanges
	}
	return fewChanges
}

// count says how many objects of a section are added, changed and removed: "+ 85 rules".
func (v view) count(n map[string]int) string {
	var parts []string
	for _, action := range []Action{Add, Change, Remove} {
		for _, kind := range []Kind{Policy, Chain, Rule, Set, Setting, File} {
			if n := n[string(action)+string(kind)]; n > 0 {
				parts = append(parts, fmt.Sprintf("%s %s", v.paint(tints[action], string(action)), plural(n, kind)))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// plural is a number of objects.
func plural(n int, kind Kind) string {
	switch {
	case n == 1:
		return "1 " + string(kind)
	case kind == Policy:
		return fmt.Sprintf("%d policies", n)
	}
	return fmt.Sprintf("%d %ss", n, kind)
}

func sectionOf(s Step) string {
	switch s.Kind {
	case Set:
		return "Sets"
	case Setting:
		return "Kernel settings"
	case File:
		return "Files"
	}
	return fmt.Sprintf("IPv%d rules", s.Family)
}

// meaning says what the plan changes for packets. A plan without changes changes nothing.
func (v view) meaning(p *Plan, full bool) {
	if p.Meaning == nil || p.Empty() {
		return
	}
	v.title("What changes for packets")
	for _, line := range p.Meaning.Lines(full) {
		v.line("  %s", v.tinted(line))
	}
	if len(p.Rivals) > 0 {
		v.line("  The rules of other firewalls count only as far as iptables shows them.")
	}
	if lost := p.Meaning.LostClients(); lost != nil {
		v.title("Programs that lose clients")
		for _, line := range lost {
			v.line("    %s", line)
		}
	}
}

// risks are what is risky, where the one who is asked sees it.
func (v view) risks(p *Plan, full bool) {
	lines, _ := p.risks(full)
	risky := slices.DeleteFunc(slices.Clone(p.Changes), func(s Step) bool { return s.Risk == "" })
	if len(lines)+len(risky) > 0 {
		v.title("Risky changes")
	}
	for _, line := range lines {
		v.line("  %s", v.tinted(line))
	}
	for _, s := range risky {
		family := ""
		if s.Family > 0 {
			family = fmt.Sprintf("IPv%d ", s.Family)
		}
		v.line("  %s%s", family, describe(s)+memberChanges(s))
		v.risk(s)
	}
}

// tinted is a line in which the word before a risk has its colour.
func (v view) tinted(line string) string {
	if text := strings.TrimLeft(line, " "); strings.HasPrefix(text, answer.Risky) {
		return strings.Replace(line, answer.Risky, v.paint("1;33", answer.Risky), 1)
	}
	return line
}

func (v view) risk(s Step) { v.line("      %s %s", v.paint("1;33", answer.Risky), s.Risk) }

func (v view) step(s Step) {
	line := fmt.Sprintf("  %s %s", v.paint(tints[s.Action], string(s.Action)), describe(s)+memberChanges(s))
	if s.Origin != nil && s.Origin.File != "" { // what the host had before has no line
		line += "   " + v.paint("2", "# "+s.Origin.Position().String())
	}
	v.line("%s", line)
	if s.Risk != "" {
		v.risk(s)
	}
}

// describe says what a step changes, without its sign.
func describe(s Step) string {
	subject := s.Object
	switch s.Kind {
	case Policy, Chain:
		subject = string(s.Kind) + " " + s.Object
	case Rule:
		subject = fmt.Sprintf("%s %d", s.Object, s.Number)
	}
	switch s.Action {
	case Add:
		return subject + ": " + s.After
	case Remove:
		return subject + ": " + s.Before
	}
	text := fmt.Sprintf("%s: %s -> %s", subject, s.Before, s.After)
	if s.Before == s.After {
		text = subject + ": " + s.After
	}
	if s.Kind == Setting && s.Origin == nil {
		text += " (no longer stated; value before hardenctl)"
	}
	return text
}

// memberChanges names the members that come and go: " (+ 192.0.2.0/24)".
func memberChanges(s Step) string {
	var parts []string
	list := func(sign Action, n int, examples []string) {
		for _, e := range examples {
			parts = append(parts, string(sign)+" "+e)
		}
		if more := n - len(examples); more > 0 {
			parts = append(parts, fmt.Sprintf("%s %d more", sign, more))
		}
	}
	list(Add, s.Added, s.AddedExamples)
	list(Remove, s.Removed, s.RemovedExamples)
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (v view) outOfReach(list []Unreachable) {
	if len(list) == 0 {
		return
	}
	v.title("Out of reach")
	for _, u := range list {
		v.line("    %s: %s, not %s: %s", u.Key, orNothing(u.Value), u.Wanted, u.Reason)
	}
}

func orNothing(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

func (v view) untouched(list []Foreign, full bool) {
	if len(list) == 0 {
		return
	}
	if !full && len(list) > fewChanges {
		chains, sets, n := 0, 0, 0
		for _, f := range list {
			if f.Kind == Set {
				sets++
			} else {
				chains, n = chains+1, n+f.Count
			}
		}
		v.title("Unmanaged (left unchanged; --full lists each)")
		v.line("    %s with %s, %s", plural(chains, Chain), rules(n), plural(sets, Set))
		return
	}
	v.title("Unmanaged (left unchanged)")
	for _, f := range list {
		if f.Kind == Set {
			v.line("    set %s, %s", f.Object, entries(f.Count))
			continue
		}
		v.line("    IPv%d %s, %s", f.Family, f.Object, rules(f.Count))
	}
}

func (v view) notes(notes []string) {
	for _, n := range notes {
		v.line("%s %s", v.paint("1", "Note:"), n)
	}
}

func (v view) summary(p *Plan) {
	switch {
	case p.Empty() && len(p.Rivals) > 0:
		v.line("No changes, but another firewall is active.")
		return
	case p.Empty():
		v.line("No changes: the host is %s%s.", p.Goal(), p.OnTrial)
		return
	}
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{p.Summary.Add, "to add"}, {p.Summary.Change, "to change"}, {p.Summary.Remove, "to remove"}, {p.Summary.Risky, "risky"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	v.line("Plan: %s.", strings.Join(parts, ", "))
}
