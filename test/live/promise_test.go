package live

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// promises are what an apply keeps, whatever happens to it: there is a state
// before it and one after it, and no packet or boot meets a table, a file or a
// setting of a third one.
type promises struct {
	profile    string
	old, fresh picture // the server before the apply, and after it
	theirs     string  // the live rules of others, with their counters
	written    tree    // what has been written to files before
}

// promise arranges a server on which the apply of a profile is yet to come. It
// learns from a first apply what the server will be.
func promise(t *testing.T, profile string, arrange func()) *promises {
	t.Helper()
	wipe(t)
	arrange()
	expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
	fresh := look(t)
	wipe(t)
	arrange()
	p := asItIs(t)
	p.profile, p.fresh = profile, fresh
	return p
}

// asItIs are the promises of an apply that shall come to nothing.
func asItIs(t *testing.T) *promises {
	t.Helper()
	return &promises{old: look(t), theirs: theirs(t), written: written(t)}
}

// isWhole checks what must hold at every moment: each table, setting and file
// is wholly old or wholly new, and so is each set that there was; others have
// what they had.
func (p *promises) isWhole(t *testing.T) {
	t.Helper()
	look(t).isWhole(t, p.old, p.fresh)
	p.othersHaveTheirs(t)
}

// isWhole checks that each part of a picture is that of one of the states; the
// first is the one that was there.
func (p picture) isWhole(t *testing.T, states ...picture) {
	t.Helper()
	for _, name := range []string{"IPv4 rules", "IPv6 rules"} {
		p.tablesAreWhole(t, name, states)
	}
	p.setsAreWhole(t, states)
	for name, text := range p {
		known := func(state picture) bool { return text == state[name] }
		if strings.HasPrefix(name, "/") && !leftover(name) && !slices.ContainsFunc(states, known) {
			t.Errorf("%s is neither old nor new:\n%s", name, text)
		}
	}
	for name := range states[0] {
		if _, there := p[name]; !there && !isWithout(states, name) {
			t.Errorf("%s is gone", name)
		}
	}
}

// isWithout reports whether there is a state in which there is no such part.
func isWithout(states []picture, name string) bool {
	return slices.ContainsFunc(states, func(state picture) bool { return state[name] == "" })
}

// onGuard matches the jumps of a trial, offGuard what it adds to the old ones.
var onGuard, offGuard = regexp.MustCompile(`-m set --match-set hardenctl_trial_v[46] src `), regexp.MustCompile(`-m set ! --match-set hardenctl_trial_v[46] src `)

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

func (p picture) tablesAreWhole(t *testing.T, name string, states []picture) {
	t.Helper()
	now := tables(offTrial(p[name]))
	for table, text := range now {
		if !slices.ContainsFunc(states, func(state picture) bool { return text == tables(state[name])[table] }) {
			t.Errorf("%s, table %s is neither old nor new:\n%s", name, table, text)
		}
	}
	for table := range tables(states[0][name]) {
		may := slices.ContainsFunc(states, func(state picture) bool { return tables(state[name])[table] == "" })
		if _, there := now[table]; !there && !may {
			t.Errorf("%s: table %s is gone", name, table)
		}
	}
}

// setsAreWhole leaves out sets that are being filled: those of a temporary name,
// and those that no rule names yet.
func (p picture) setsAreWhole(t *testing.T, states []picture) {
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

func (p *promises) othersHaveTheirs(t *testing.T) {
	t.Helper()
	if now := theirs(t); now != p.theirs {
		t.Errorf("others had\n%s\nand have\n%s", p.theirs, now)
	}
}

// isOld checks that nothing has come of the apply: no table, set, setting or
// file, nor anything beside them.
func (p *promises) isOld(t *testing.T) {
	t.Helper()
	look(t).is(t, p.old)
	p.othersHaveTheirs(t)
	p.keptToItsPaths(t)
}

// settles applies once more, without a fault. The server is then what the
// profile says, nothing is left over, and there is nothing more to do.
func (p *promises) settles(t *testing.T) {
	t.Helper()
	expect(t, 0, "apply", p.profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
	look(t).is(t, p.fresh)
	p.othersHaveTheirs(t)
	p.keptToItsPaths(t)
	expect(t, 0, "plan", p.profile, "--detailed-exitcode")
}

// keptToItsPaths checks that nothing was written but the files of the bundle,
// and what locks and the trial's own folder hold.
func (p *promises) keptToItsPaths(t *testing.T) {
	t.Helper()
	declared := map[string]bool{"/run/hardenctl.lock": true, "/run/xtables.lock": true}
	for _, path := range bundle.Paths(bundle.Debian) {
		for ; path != "/" && path != "/etc"; path = filepath.Dir(path) {
			declared[path] = true
		}
	}
	for _, path := range p.written.changed(written(t)) {
		if !declared[path] && path != "/var/lib/hardenctl" && !strings.HasPrefix(path, "/var/lib/hardenctl/") {
			t.Errorf("%s was written, which is not declared", path)
		}
	}
}

// leftover says that a file is one that an apply writes beside another.
func leftover(path string) bool {
	return strings.HasPrefix(filepath.Base(path), ".") && strings.Contains(path, ".hardenctl-")
}

// tree is what a folder holds, by path: a mode, and a hash of the text.
type tree map[string]string

// written reads all that this lab has ever written below /etc, /var/lib and
// /run: the upper layers of the first two are folders of the lab's own on the
// third.
func written(t *testing.T) tree {
	t.Helper()
	all := tree{}
	must(t, filepath.WalkDir("/run", func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it has gone meanwhile
		case err != nil:
			return err
		case e.IsDir() && (strings.HasSuffix(path, ".work") || path == "/run/netns"):
			return fs.SkipDir
		}
		all[asSeen(path)], err = described(path, e)
		return err
	}))
	return all
}

// asSeen is the path by which the lab sees a file of an upper layer.
func asSeen(path string) string {
	for layer, folder := range map[string]string{"/run/hardenctl-lab/etc": "/etc", "/run/hardenctl-lab/lib": "/var/lib"} {
		if rest, below := strings.CutPrefix(path, layer); below {
			return folder + rest
		}
	}
	return path
}

// described is a file's mode and, of a regular one, a hash of its text.
func described(path string, e fs.DirEntry) (string, error) {
	stat, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil || !stat.Mode().IsRegular() {
		return fmt.Sprint(e.Type()), err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return fmt.Sprintf("%v %x", stat.Mode(), sha256.Sum256(text)), err
}

// changed names what differs in another reading, sorted.
func (old tree) changed(now tree) []string {
	var paths []string
	for path := range now {
		if now[path] != old[path] {
			paths = append(paths, path)
		}
	}
	for path := range maps.Keys(old) {
		if _, there := now[path]; !there {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}
