// Package promise holds what an apply promises, whatever happens to it (P1 to P8 in
// docs/FAULTS.md).
package promise

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// Promises are what an apply keeps, whatever happens to it: there is a state
// before it and one after it, and no packet or boot meets a table, a file or a
// setting of a third one.
type Promises struct {
	Profile    string
	Old, Fresh stage.Picture // the server before the apply, and after it
	Theirs     string        // the live rules of others, with their counters
	Written    Tree          // what has been written to files before
}

// IsWhole checks what must hold at every moment: each table, setting and file
// is wholly old or wholly new, and so is each set that there was; others have
// what they had.
func (p *Promises) IsWhole(t *testing.T) {
	t.Helper()
	stage.TakePicture(t).IsWhole(t, p.Old, p.Fresh)
	p.OthersHaveTheirs(t)
}

// OthersHaveTheirs checks that rules, sets and files of others are as they were (P3).
func (p *Promises) OthersHaveTheirs(t *testing.T) {
	t.Helper()
	if now := stage.ForeignRules(t); now != p.Theirs {
		t.Errorf("others had\n%s\nand have\n%s", p.Theirs, now)
	}
}

// IsOld checks that nothing has come of the apply: no table, set, setting or
// file, nor anything beside them.
func (p *Promises) IsOld(t *testing.T) {
	t.Helper()
	stage.TakePicture(t).Is(t, p.Old)
	p.OthersHaveTheirs(t)
	p.KeptToItsPaths(t)
}

// Settles applies once more, without a fault. The server is then what the
// profile says, nothing is left over, and there is nothing more to do.
func (p *Promises) Settles(t *testing.T) {
	t.Helper()
	run.Expect(t, 0, "apply", p.Profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
	stage.TakePicture(t).Is(t, p.Fresh)
	p.OthersHaveTheirs(t)
	p.KeptToItsPaths(t)
	run.Expect(t, 0, "plan", p.Profile, "--detailed-exitcode")
}

// KeptToItsPaths checks that nothing was written but the files of the bundle,
// and what locks and the trial's own folder hold.
func (p *Promises) KeptToItsPaths(t *testing.T) {
	t.Helper()
	declared := map[string]bool{"/run/hardenctl.lock": true, "/run/xtables.lock": true}
	for _, path := range bundle.Paths(bundle.Debian) {
		for ; path != "/" && path != "/etc"; path = filepath.Dir(path) {
			declared[path] = true
		}
	}
	for _, path := range p.Written.changed(Written(t)) {
		if !declared[path] && path != "/var/lib/hardenctl" && !strings.HasPrefix(path, "/var/lib/hardenctl/") {
			t.Errorf("%s was written, which is not declared", path)
		}
	}
}

// New arranges a server on which the apply of a profile is yet to come. It
// learns from a first apply what the server will be.
func New(t *testing.T, profile string, arrange func()) *Promises {
	t.Helper()
	stage.Wipe(t)
	arrange()
	run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
	fresh := stage.TakePicture(t)
	stage.Wipe(t)
	arrange()
	p := Unchanged(t)
	p.Profile, p.Fresh = profile, fresh
	return p
}

// Unchanged are the promises of an apply that must change nothing.
func Unchanged(t *testing.T) *Promises {
	t.Helper()
	return &Promises{Old: stage.TakePicture(t), Theirs: stage.ForeignRules(t), Written: Written(t)}
}

// Populate puts on a bare server what others own, and then a profile, if one is given.
func Populate(t *testing.T, before string) {
	t.Helper()
	stage.AddForeign(t)
	if before != "" {
		run.Expect(t, 0, "apply", before, "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Tool(t, "ipset add hardenctl-ban-v4 203.0.113.9")
	}
}
