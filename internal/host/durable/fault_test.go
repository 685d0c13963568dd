package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// Disks that are full or read-only are mounted, where no other process sees them.
func TestMain(m *testing.M) { lab.Main(m) }

// none is the text of a file that is not there.
const none = "(none)"

// writing is a way in which files are written: it brings a file from old to fresh.
type writing struct {
	name       string
	old, fresh string
	run        func(path string) error
	// random is of one whose hidden name is not found again.
	random bool
}

// writings are all that this package has.
func writings() []writing {
	prepared := func(text []byte, then ...func(*Replacement) error) func(string) error {
		return func(path string) error {
			have, err := Read(path)
			if err != nil {
				return err
			}
			r, err := Prepare(path, have, text, 0o640)
			if err != nil {
				return err
			}
			for _, f := range then {
				if err := f(r); err != nil {
					return errors.Join(err, r.Back(), r.Discard()) // as an apply does
				}
			}
			return r.Discard()
		}
	}
	write := func(path string) error { return Write(path, []byte("fresh"), 0o600) }
	out := func(path string) error { return WriteOut(path, []byte("fresh"), 0o600) }
	replace := func(path string) error { return Replace(path, []byte("fresh"), 0o640) }
	moved := func(path string) error {
		other := filepath.Join(filepath.Dir(path), ".other")
		if err := errors.Join(removeIfThere(other), Create(other, []byte("fresh"), 0o600)); err != nil {
			return err
		}
		return errors.Join(Rename(other, path), removeIfThere(other))
	}
	return []writing{
		{"Write", "old", "fresh", write, false},
		{"Write a new file", none, "fresh", write, false},
		{"WriteOut", "old", "fresh", out, true},
		{"WriteOut a new file", none, "fresh", out, true},
		{"Create and Rename", "old", "fresh", moved, false},
		{"Replace", "old", "fresh", replace, false},
		{"Replace a new file", none, "fresh", replace, false},
		{"Replace by none", "old", none, prepared(nil, (*Replacement).Put), false},
		{"put and back", "old", "old", prepared([]byte("fresh"), (*Replacement).Put, (*Replacement).Back), false},
		{"put and back to none", none, none, prepared([]byte("fresh"), (*Replacement).Put, (*Replacement).Back), false},
		{"prepare and discard", "old", "old", prepared([]byte("fresh")), false},
		{"Remove", "old", none, Remove, false},
	}
}

// repeat runs a writing once more, on what a fault has left.
func (w writing) repeat(t *testing.T, path string) {
	t.Helper()
	if w.old == w.fresh {
		w.old = textOf(path)
		w.fresh = w.old
	}
	must(t, w.run(path))
	w.wholly(t, path, nil)
}

// lay makes the old file in a folder, and returns its path.
func (w writing) lay(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(folder, "file")
	if w.old != none {
		must(t, os.WriteFile(path, []byte(w.old), 0o600))
	}
	return path
}

// wholly checks that a file is wholly old, or one that was on its way, and fresh if
// the writing has succeeded.
func (w writing) wholly(t *testing.T, path string, err error) {
	t.Helper()
	text := textOf(path)
	if err == nil && text != w.fresh {
		t.Errorf("no error, and the file holds %q, want %q", text, w.fresh)
	}
	if !slices.Contains([]string{w.old, "fresh", w.fresh}, text) || text == none && w.old != none && w.fresh != none {
		t.Errorf("the file holds %q, neither old nor fresh: %v", text, err)
	}
}

func textOf(path string) string {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return none
	}
	return string(text)
}

// alone checks that nothing is left beside the file.
func alone(t *testing.T, path string) {
	t.Helper()
	for _, name := range names(t, filepath.Dir(path)) {
		if name != filepath.Base(path) {
			t.Errorf("%s is left", name)
		}
	}
}

// calls runs a writing and returns its calls to disk, as before has them.
func (w writing) calls(t *testing.T) (all [][3]string) {
	t.Helper()
	path := w.lay(t, t.TempDir())
	hook(t, func(call, at, from string) error {
		all = append(all, [3]string{call, at, from})
		return nil
	})
	must(t, w.run(path))
	hook(t, func(string, string, string) error { return nil })
	return all
}

func hook(t *testing.T, f func(call, path, from string) error) {
	t.Helper()
	before = f
	t.Cleanup(func() { before = func(string, string, string) error { return nil } })
}

// eachCall runs a subtest for each call of each writing.
func eachCall(t *testing.T, test func(t *testing.T, w writing, n int, name string)) {
	for _, w := range writings() {
		for n, call := range w.calls(t) {
			t.Run(fmt.Sprintf("%s/%d %s", w.name, n, call[0]), func(t *testing.T) { test(t, w, n, call[0]) })
		}
	}
}

// A disk that fails once, at whatever call, is said, and leaves the file whole and
// nothing beside it; only what cannot be removed is left until the next run.
func TestDiskFails(t *testing.T) {
	eachCall(t, func(t *testing.T, w writing, n int, name string) {
		path, at := w.lay(t, t.TempDir()), 0
		hook(t, func(string, string, string) error {
			if at++; at == n+1 {
				return unix.EIO
			}
			return nil
		})
		err := w.run(path)
		if !errors.Is(err, unix.EIO) {
			t.Errorf("the error is %v, want %v", err, unix.EIO)
		}
		w.wholly(t, path, err)
		if name != "remove" {
			alone(t, path)
		}
		w.repeat(t, path)
		if name != "remove" || !w.random {
			alone(t, path)
		}
	})
}

// So it is with a disk that fails from some call on.
func TestDiskGoesOnFailing(t *testing.T) {
	eachCall(t, func(t *testing.T, w writing, n int, _ string) {
		path, at := w.lay(t, t.TempDir()), 0
		hook(t, func(string, string, string) error {
			if at++; at > n {
				return unix.EIO
			}
			return nil
		})
		err := w.run(path)
		if !errors.Is(err, unix.EIO) {
			t.Errorf("the error is %v", err)
		}
		w.wholly(t, path, err)
		hook(t, func(string, string, string) error { return nil })
		w.repeat(t, path)
		if !w.random {
			alone(t, path)
		}
	})
}

// A process that is killed before whatever call leaves the file whole, and what it
// left beside it goes with the next run.
func TestKilled(t *testing.T) {
	eachCall(t, func(t *testing.T, w writing, n int, _ string) {
		path, at := w.lay(t, t.TempDir()), 0
		killed := errors.New("killed")
		hook(t, func(string, string, string) error {
			if at++; at == n+1 {
				panic(killed)
			}
			return nil
		})
		func() {
			defer func() {
				if r := recover(); r != killed {
					t.Errorf("not killed: %v", r)
				}
			}()
			_ = w.run(path)
		}()
		w.wholly(t, path, killed)
		must(t, Sweep([]string{path}))
		w.repeat(t, path)
		if !w.random {
			alone(t, path)
		}
	})
}

// A loss of power after whatever call finds the file whole, whichever names the
// disk has got that no sync has asked for; and after the last call, the fresh one.
func TestPowerLost(t *testing.T) {
	for _, w := range writings() {
		t.Run(w.name, func(t *testing.T) {
			calls := w.calls(t)
			path := filepath.Join(filepath.Dir(calls[len(calls)-1][1]), "file")
			if calls[len(calls)-1][0] == "sync" {
				path = filepath.Join(calls[len(calls)-1][1], "file")
			}
			d := newPlatter(path, w.old)
			for n := range len(calls) + 1 {
				if n > 0 {
					d.do(calls[n-1])
				}
				for _, text := range d.left(path) {
					if text != w.old && text != w.fresh && text != "fresh" || text == none && w.old != none && w.fresh != none {
						t.Errorf("after %d calls, the last %v, the file holds %q", n, calls[:n], text)
					}
				}
			}
			for _, text := range d.left(path) {
				if text != w.fresh {
					t.Errorf("at the end it may hold %q, want %q", text, w.fresh)
				}
			}
		})
	}
}

// Disks that are really full, or read-only, refuse before anything has changed.
func TestRealDisks(t *testing.T) {
	lab.Require(t)
	for _, w := range writings() {
		for _, readOnly := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/read-only %t", w.name, readOnly), func(t *testing.T) {
				folder := t.TempDir()
				must(t, unix.Mount("tmpfs", folder, "tmpfs", 0, "size=16k,mode=0755"))
				t.Cleanup(func() { must(t, unix.Unmount(folder, unix.MNT_DETACH)) })
				path, want := w.lay(t, folder), unix.ENOSPC
				if readOnly {
					want = unix.EROFS
					must(t, unix.Mount("", folder, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
				} else if err := os.WriteFile(filepath.Join(folder, "large"), make([]byte, 64<<10), 0o600); !errors.Is(err, want) {
					t.Fatal(err)
				}
				err := w.run(path)
				if w.fresh == none && w.old != none && !readOnly {
					must(t, err) // to remove takes no room
					return
				}
				if !errors.Is(err, want) || textOf(path) != w.old {
					t.Errorf("%v, and the file holds %q", err, textOf(path))
				}
				for _, name := range names(t, folder) {
					if strings.HasPrefix(name, ".") {
						t.Errorf("%s is left", name)
					}
				}
			})
		}
	}
}
