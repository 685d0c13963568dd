package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Only the owner can write what tests make, whatever the umask is: it would be
// refused.
func init() { syscall.Umask(0o022) }

// names lists what is in a folder.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// replace prepares and puts, as an apply that succeeds does.
func replace(t *testing.T, path string, text []byte) *Replacement {
	t.Helper()
	have, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Prepare(path, have, text, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Put(); err != nil {
		t.Fatal(err)
	}
	return r
}

func discard(t *testing.T, r *Replacement) {
	t.Helper()
	if err := r.Discard(); err != nil {
		t.Error(err)
	}
}

func TestReplacement(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "folder")
	path := filepath.Join(folder, "rules.v4")
	for _, text := range []string{"first\n", "second\n", ""} {
		discard(t, replace(t, path, []byte(text)))
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("holds %q, %v, want %q", got, err, text)
		}
		if stat, _ := os.Stat(path); stat.Mode().Perm() != 0o640 {
			t.Errorf("mode %v", stat.Mode())
		}
		if got := names(t, folder); !slices.Equal(got, []string{"rules.v4"}) {
			t.Errorf("the folder holds %v", got)
		}
	}
	for range 2 {
		discard(t, replace(t, path, nil))
	}
	if got := names(t, folder); len(got) != 0 {
		t.Errorf("the folder holds %v after the removal", got)
	}
}

// Going back gives the very file that was there, put or not put, and takes no
// space; where there was none there is none again.
func TestReplacementBack(t *testing.T) {
	for _, put := range []bool{false, true} {
		for _, old := range []string{"", "old"} {
			for _, text := range [][]byte{nil, []byte("new")} {
				folder := t.TempDir()
				path := filepath.Join(folder, "f")
				if old != "" {
					if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				before, _ := os.Stat(path)
				have, _ := Read(path)
				r, err := Prepare(path, have, text, 0o640)
				if err != nil {
					t.Fatal(err)
				}
				if now, _ := os.Stat(path); (now == nil) != (before == nil) || now != nil && !os.SameFile(now, before) {
					t.Errorf("preparing changed the file")
				}
				if put {
					if err := r.Put(); err != nil {
						t.Fatal(err)
					}
				}
				if err := r.Back(); err != nil {
					t.Error(err)
				}
				discard(t, r)
				after, _ := os.Stat(path)
				if (after == nil) != (before == nil) || after != nil && !os.SameFile(after, before) || len(names(t, folder)) != len(old)/3 {
					t.Errorf("put %t, old %q, new %q: the folder holds %v", put, old, text, names(t, folder))
				}
			}
		}
	}
}

// What a killed apply left beside the file is harmless.
func TestReplacementAfterKill(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "f")
	for range 2 {
		if _, err := Prepare(path, nil, []byte("lost"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	discard(t, replace(t, path, []byte("text")))
	if got := names(t, folder); !slices.Equal(got, []string{"f"}) {
		t.Errorf("the folder holds %v", got)
	}
}

// A file that all can read is read by root and its group alone from then on. A new
// one in a folder that gives its own group to what is made there is root's.
func TestReplacementNarrows(t *testing.T) {
	folder := t.TempDir()
	open, made := filepath.Join(folder, "open"), filepath.Join(folder, "made")
	if err := errors.Join(os.WriteFile(open, []byte("old"), 0o644), os.Chmod(folder, 0o755|fs.ModeSetgid)); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(folder, -1, 4); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{open, made} {
		discard(t, replace(t, path, []byte("new")))
		stat, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode, group := stat.Mode().Perm(), stat.Sys().(*syscall.Stat_t).Gid; mode != 0o640 || int(group) != os.Getegid() {
			t.Errorf("%s: mode %v, group %d", path, mode, group)
		}
	}
}

// A file that exists keeps its owner, and a mode that is narrow.
func TestReplacementKeepsMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	gid := os.Getgid()
	if os.Geteuid() == 0 {
		gid = 4
	}
	if err := os.Chown(path, -1, gid); err != nil {
		t.Fatal(err)
	}
	discard(t, replace(t, path, []byte("new")))
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode, owner := stat.Mode().Perm(), stat.Sys().(*syscall.Stat_t).Gid; mode != 0o600 || int(owner) != gid {
		t.Errorf("mode %v, group %d, want 0600 and %d", mode, owner, gid)
	}
}

// A file that somebody edits after it was read is not put over, and going back
// leaves the edit: in place, by a new file, or by removing it.
func TestReplacementOfAnEditedFile(t *testing.T) {
	edit := map[string]func(path string) error{
		"in place": func(path string) error { return os.WriteFile(path, []byte("edited"), 0o644) },
		"by rename": func(path string) error {
			return errors.Join(os.WriteFile(path+"~", []byte("edited"), 0o644), os.Rename(path+"~", path))
		},
		"removed": os.Remove,
	}
	for name, edit := range edit {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := Prepare(path, []byte("old"), []byte("new"), 0o640)
		if err != nil {
			t.Fatal(err)
		}
		if err := edit(path); err != nil {
			t.Fatal(err)
		}
		if err := r.Put(); err == nil || !strings.Contains(err.Error(), "has been changed since it was read") {
			t.Errorf("%s: put over it: %v", name, err)
		}
		if err := errors.Join(r.Back(), r.Discard()); err != nil {
			t.Error(err)
		}
		text, _ := os.ReadFile(path)
		if want := map[bool]string{true: "", false: "edited"}[name == "removed"]; string(text) != want {
			t.Errorf("%s: the file holds %q", name, text)
		}
	}
}

// Others who hold the old file open go on reading it: the new one is another.
func TestReplacementIsAnotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	discard(t, replace(t, path, []byte("new")))
	text := make([]byte, 8)
	if n, _ := open.Read(text); string(text[:n]) != "old" {
		t.Errorf("the open file holds %q", text[:n])
	}
}

// What cannot be prepared leaves nothing behind.
func TestPrepareFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "taken")
	if err := os.MkdirAll(filepath.Join(path, "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Prepare(path, nil, []byte("text"), 0o640); err == nil {
		t.Error("a folder was prepared to be a file")
	}
	if got := names(t, folder); !slices.Equal(got, []string{"taken"}) {
		t.Errorf("the folder holds %v", got)
	}
}

// A folder that is where hardenctl puts its new file or the old one is named,
// with what to do, and left alone; what else is there goes.
func TestPlantedBeside(t *testing.T) {
	for _, what := range []string{"old", "new"} {
		path := filepath.Join(t.TempDir(), "rules.v4")
		name := hidden(path, what)
		if err := os.MkdirAll(name+"/x", 0o700); err != nil {
			t.Fatal(err)
		}
		want := name + " is a folder, not a regular file; move it away"
		if err := Sweep([]string{path}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		if _, err := Prepare(path, nil, []byte("x"), 0o640); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		if err := errors.Join(os.RemoveAll(name), os.Symlink("/etc/passwd", name)); err != nil {
			t.Fatal(err)
		}
		r, err := Prepare(path, nil, []byte("x"), 0o640)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Put(); err != nil {
			t.Error(err)
		}
	}
}
