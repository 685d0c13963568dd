package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// withoutRefused puts the rules of a file in force without the lines of others that
// the kernel refuses, or that undo ours. refused is the error of the whole file; nil
// for one that has no rules of ours.
func (l *loading) withoutRefused(ctx context.Context, family ruleset.Family, file probe.BootFile, refused error) (without string, err error) {
	ours, others := partsOfRules(file.Text)
	sets := probe.BootFile{Path: l.files.Sets.Path, Text: setfile.Creates(l.files.Sets.Text)} // rules ask for no members
	only, err := l.rehearse(ctx, family, probe.BootFile{Path: file.Path, Text: linesOf(file.Text, ours)}, sets)
	switch {
	case err != nil:
		return "", cmp.Or(refused, err)
	case !hooked(only, family):
		return "", errForeign(file.Path)
	}
	s := sieve{try: func(parts []part) error {
		made, err := l.rehearse(ctx, family, probe.BootFile{Path: file.Path, Text: linesOf(file.Text, slices.Concat(ours, parts))}, sets)
		if err == nil && !plan.Compare(own(made), own(only), bundle.Manifest{Policies: stated(only)}).Empty() {
			err = errors.New("it changes hardenctl's rules")
		}
		return err
	}}
	s.keep(others)
	file.Text = linesOf(file.Text, slices.Concat(ours, s.kept))
	if err := errors.Join(l.othersOfABoot(ctx, family, file), l.put(ctx, family, file, only)); err != nil {
		return "", err
	}
	return l.leave(file.Path, s.left), nil
}

// partsOfRules parts the lines of a rules file: those of others, one by one, and all
// else, with the lines that begin and end tables.
func partsOfRules(text []byte) (ours, others []part) {
	n := 0
	for line := range tablefile.Lines(string(text)) {
		n++
		p := part{text: line.String(), lines: []int{n}}
		foreign := (line.Kind == tablefile.Command || line.Kind == tablefile.Declare) && !owned.Line(line)
		if foreign {
			others = append(others, p)
		} else {
			ours = append(ours, p)
		}
	}
	return ours, others
}

// othersOfABoot loads the tables of a file that the kernel has nothing of, where the
// distribution's loader has loaded those before the one that it could not, and not
// ours: a family that is not fresh is not a reason to do without the rules of others.
func (l *loading) othersOfABoot(ctx context.Context, family ruleset.Family, file probe.BootFile) error {
	have, err := l.site.Rules.Tables(ctx, family)
	if err != nil || l.fresh[family] || anyOurs(have) {
		return err
	}
	f, err := tablefile.Read(file.Text)
	if err != nil {
		return err
	}
	f.Delete(func(line tablefile.Line) bool {
		table, there := have.Tables[state.TableID{Family: family, Name: line.Table}]
		return line.Table == "" || there && !unused(state.State{Tables: map[state.TableID]tablefile.Table{{}: table}})
	})
	return l.site.Rules.Load(ctx, family, f.Bytes(), true)
}

// anyOurs reports whether a family has chains or hooks of ours.
func anyOurs(s state.State) bool {
	for _, table := range s.Tables {
		if slices.ContainsFunc(table.Chains, func(c tablefile.Chain) bool { return owned.Chain(c.Name) || owned.Hooked(&c) }) {
			return true
		}
	}
	return false
}

// loadSets loads the file of sets. Where the kernel refuses it, what others have in it
// is loaded set by set, and what it refuses of that is left out, for the rules too.
func (l *loading) loadSets(ctx context.Context) error {
	file := &l.files.Sets
	whole := l.site.Sets.Load(ctx, file.Text)
	if whole == nil {
		return nil
	}
	ours, others, left := partsOfSets(file.Text)
	if len(others)+len(left) == 0 || l.site.Sets.Load(ctx, linesOf(file.Text, ours)) != nil {
		return whole
	}
	s := sieve{left: left, try: func(parts []part) error { return l.site.Sets.Load(ctx, linesOf(file.Text, parts)) }}
	s.keep(others)
	l.say(fmt.Sprintf("the sets of %s are loaded%s", file.Path, l.leave(file.Path, s.left)))
	file.Text = linesOf(file.Text, slices.Concat(ours, s.kept))
	return nil
}

// partsOfSets parts the lines of a file of sets: ours, those about each set of others,
// and commands of others that do more than to make and fill a set, such as flush.
func partsOfSets(text []byte) (ours, others []part, left []leftOut) {
	at := map[string]int{}
	n := 0
	for line := range setfile.Lines(string(text)) {
		n++
		p := part{text: strings.TrimSpace(line.Text), lines: []int{n}}
		i, known := at[line.Set]
		switch fills := line.Command == setfile.Create || line.Command == setfile.Add; {
		case line.Command == "" || owned.Set(line.Set):
			ours = append(ours, p)
		case !fills:
			left = append(left, leftOut{p, errors.New("only lines that create a set or add to it are loaded then")})
		case known:
			others[i].lines = append(others[i].lines, n)
		default:
			at[line.Set] = len(others)
			others = append(others, p)
		}
	}
	return ours, others, left
}

// leave notes the lines that were left out of a file, and says how many: empty for none.
func (l *loading) leave(path string, left []leftOut) string {
	if len(left) == 0 {
		return ""
	}
	n := 0
	text := ""
	for i, out := range left {
		n += len(out.lines)
		if i < named {
			text += "\n  " + out.String()
		}
	}
	if more := len(left) - named; more > 0 {
		text += fmt.Sprintf("\n  and %d more", more)
	}
	l.leftOut = errors.Join(l.leftOut, fmt.Errorf("%s: %s of other programs cannot be loaded at boot and %s left out; hardenctl's own rules are in force. Remove these lines from the file, or fix them:%s",
		path, count(n, "line"), map[bool]string{true: "was", false: "were"}[n == 1], text))
	return ", without " + count(n, "line") + " of other programs"
}

// named is how many of the lines that were left out an error names.
const named = 10

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
