package stage

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// IsWhole checks that each part of a picture is that of one of the states; the
// first is the one that was there.
func (p Picture) IsWhole(t *testing.T, states ...Picture) {
	t.Helper()
	for _, name := range []string{"IPv4 rules", "IPv6 rules"} {
		p.tablesAreWhole(t, name, states)
	}
	p.setsAreWhole(t, states)
	for name, text := range p {
		known := func(state Picture) bool { return text == state[name] }
		if strings.HasPrefix(name, "/") && !Leftover(name) && !slices.ContainsFunc(states, known) {
			t.Errorf("%s is neither old nor new:\n%s", name, text)
		}
	}
	for name := range states[0] {
		if _, there := p[name]; !there && !isWithout(states, name) {
			t.Errorf("%s is gone", name)
		}
	}
}

func (p Picture) tablesAreWhole(t *testing.T, name string, states []Picture) {
	t.Helper()
	now := Tables(offTrial(p[name]))
	for table, text := range now {
		if !slices.ContainsFunc(states, func(state Picture) bool { return text == Tables(state[name])[table] }) {
			t.Errorf("%s, table %s is neither old nor new:\n%s", name, table, text)
		}
	}
	for table := range Tables(states[0][name]) {
		may := slices.ContainsFunc(states, func(state Picture) bool { return Tables(state[name])[table] == "" })
		if _, there := now[table]; !there && !may {
			t.Errorf("%s: table %s is gone", name, table)
		}
	}
}

// setsAreWhole leaves out sets that are being filled: those of a temporary name,
// and those that no rule names yet.
func (p Picture) setsAreWhole(t *testing.T, states []Picture) {
	t.Helper()
	now, held := linesBySet(p["sets"]), make([]map[string]string, len(states))
	for i, state := range states {
		held[i] = linesBySet(state["sets"])
	}
	for name := range held[0] {
		is := now[name]
		if !slices.ContainsFunc(held, func(sets map[string]string) bool { return is == sets[name] }) {
			t.Errorf("set %s is neither old nor new:\n%s", name, is)
		}
	}
}

// Picture is all that an apply can change, by name.
type Picture map[string]string

// Is fails the test where two pictures differ.
func (p Picture) Is(t *testing.T, want Picture) {
	t.Helper()
	for name, text := range want {
		if p[name] != text {
			t.Errorf("%s: is\n%s\nwant\n%s", name, p[name], text)
		}
	}
	for name := range p {
		if _, there := want[name]; !there {
			t.Errorf("%s is new:\n%s", name, p[name])
		}
	}
}

// TakePicture reads all that an apply can change.
func TakePicture(t *testing.T) Picture {
	t.Helper()
	p := Picture{
		"IPv4 rules": Rules(run.Tool(t, "iptables-save")),
		"IPv6 rules": Rules(run.Tool(t, "ip6tables-save")),
		"sets":       Sets(run.Tool(t, "ipset save")),
	}
	for path, value := range Settings(t) {
		p[path] = value
	}
	for _, folder := range []string{"/etc/sysctl.d", "/etc/modprobe.d", "/etc/modules-load.d", "/etc/iptables"} {
		readFolder(t, folder, p)
	}
	return p
}

// readFolder adds the regular files of a folder, hidden ones too.
func readFolder(t *testing.T, folder string, p Picture) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			path := filepath.Join(folder, e.Name())
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			p[path] = string(text)
		}
	}
}

// Rules is a save without comments, counters and unused tables, in
// an order that does not depend on the backend.
func Rules(save string) string {
	var tables []string
	for table := range strings.SplitSeq(WithoutCounters(save), "COMMIT\n") {
		if strings.Contains(table, "-A ") || strings.Contains(table, " DROP") || strings.Contains(table, " - ") {
			tables = append(tables, table)
		}
	}
	slices.Sort(tables)
	return strings.Join(tables, "")
}

// WithoutCounters is a save without comments and counters.
func WithoutCounters(save string) string {
	var b strings.Builder
	for line := range strings.Lines(save) {
		if strings.HasPrefix(line, ":") {
			line = line[:strings.Index(line, "[")] + "\n"
		}
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Sets is an `ipset save` in order, without what the kernel chooses itself,
// without the time that entries have left and the sources that are counted, and
// without forceadd, which ipset 7.17 does not print although the kernel tells it.
func Sets(save string) string {
	var lines []string
	for line := range strings.Lines(save) {
		words := strings.Fields(line)
		if words[0] == "add" && slices.Contains(words, "packets") {
			continue // a source that has come meanwhile
		}
		for _, option := range []string{"hashsize", "initval", "bucketsize"} {
			words = without(words, option)
		}
		words = slices.DeleteFunc(words, func(w string) bool { return w == "forceadd" })
		if words[0] == "add" {
			words = without(words, "timeout")
		}
		lines = append(lines, strings.Join(words, " ")+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// without takes an option and its value out of a command.
func without(words []string, option string) []string {
	if i := slices.Index(words, option); i >= 0 {
		return slices.Delete(words, i, i+2)
	}
	return words
}

// Tables are the tables of a save by name, byte for byte but for comments and
// for the blank with which iptables-nft-save 1.8.7 ends a rule without a target.
func Tables(save string) map[string]string {
	texts, name := map[string]string{}, ""
	for line := range strings.Lines(save) {
		if strings.HasPrefix(line, "*") {
			name = line
		}
		if !strings.HasPrefix(line, "#") {
			texts[name] += strings.TrimRight(line, " \n") + "\n"
		}
	}
	return texts
}

// Leftover says that a file is one that an apply writes beside another.
func Leftover(path string) bool {
	return strings.HasPrefix(filepath.Base(path), ".") && strings.Contains(path, ".hardenctl-")
}

// isWithout reports whether there is a state in which there is no such part.
func isWithout(states []Picture, name string) bool {
	return slices.ContainsFunc(states, func(state Picture) bool { return state[name] == "" })
}

// offTrial is a save without a trial that an apply has left: packets decide by
// the rest of it, or, once it is confirmed, by the trial alone, which is whole.
func offTrial(save string) string {
	var kept strings.Builder
	for line := range strings.Lines(save) {
		if !strings.HasPrefix(line, ":HARDENCTL_") && !strings.HasPrefix(line, "-A HARDENCTL_") && !onGuard.MatchString(line) {
			kept.WriteString(offGuard.ReplaceAllString(line, ""))
		}
	}
	return kept.String()
}

// onGuard matches the jumps of a trial, offGuard what it adds to the old ones.
var onGuard, offGuard = regexp.MustCompile(`-m set --match-set hardenctl_trial_v[46] src `), regexp.MustCompile(`-m set ! --match-set hardenctl_trial_v[46] src `)

// linesBySet takes what `ipset save` prints apart.
func linesBySet(save string) map[string]string {
	lines, texts := map[string][]string{}, map[string]string{}
	for line := range strings.Lines(save) {
		name := strings.Fields(line)[1]
		lines[name] = append(lines[name], line)
	}
	for name := range lines {
		texts[name] = strings.Join(lines[name], "")
	}
	return texts
}

// OfWork matches the lines of sets that are there for the time of an apply.
var OfWork = regexp.MustCompile(`(?m)^(create|add) hardenctl(_|-tmp-).*\n`)
