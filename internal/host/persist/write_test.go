package persist

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// What tests make is nobody else's to write, whatever the umask is: it would be
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
	have, err := readRegular(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Prepare(path, have, text)
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
				have, _ := readRegular(path)
				r, err := Prepare(path, have, text)
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

// What a killed apply left beside the file is in nobody's way.
func TestReplacementAfterKill(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "f")
	for range 2 {
		if _, err := Prepare(path, nil, []byte("lost")); err != nil {
			t.Fatal(err)
		}
	}
	discard(t, replace(t, path, []byte("text")))
	if got := names(t, folder); !slices.Equal(got, []string{"f"}) {
		t.Errorf("the folder holds %v", got)
	}
}

// A file that all can read is read by root and its group alone from then on, but
// for what every user knows anyway. A new one in a folder that gives its own group
// to what is made there is root's.
func TestReplacementNarrows(t *testing.T) {
	for path, want := range map[string]fs.FileMode{
		"/etc/iptables/rules.v4": 0o640, "/etc/sysconfig/ipset": 0o640, "/etc/fail2ban/jail.d/hardenctl.conf": 0o640, "/var/lib/hardenctl/bans": 0o640,
		"/etc/sysctl.d/60-hardenctl.conf": 0o644, "/etc/systemd/network/98-hardenctl-eth0.link": 0o644, unitPath: 0o644,
	} {
		if got := widest(path); got != want {
			t.Errorf("%s: %04o, want %04o", path, got, want)
		}
	}
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
		r, err := Prepare(path, []byte("old"), []byte("new"))
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
	if _, err := Prepare(path, nil, []byte("text")); err == nil {
		t.Error("a folder was prepared to be a file")
	}
	if got := names(t, folder); !slices.Equal(got, []string{"taken"}) {
		t.Errorf("the folder holds %v", got)
	}
}

// Only regular files are read, and none through a link.
func TestRead(t *testing.T) {
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	if err := os.WriteFile(in("file"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in("empty"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(in("file"), in("link")); err != nil {
		t.Fatal(err)
	}
	texts, err := Read(map[string]string{"a": in("file"), "b": in("empty"), "c": in("missing")})
	if err != nil {
		t.Fatal(err)
	}
	if string(texts[in("file")]) != "text" || texts[in("empty")] == nil || texts[in("missing")] != nil {
		t.Errorf("read %q", texts)
	}
	for path, want := range map[string]string{in("link"): "a symbolic link", folder: "a folder", "/dev/null": "a special file"} {
		_, err := Read(map[string]string{"a": path})
		if err == nil || !strings.Contains(err.Error(), path+" is "+want+", not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Wanted merges what is shared, takes over what is ours, and lets go what the
// bundle has not.
func TestWanted(t *testing.T) {
	b := bundle.Seal([]bundle.File{{Name: bundle.RulesV4, Text: []byte(ours)}, {Name: bundle.Sysctl, Text: []byte("a = 1\n")}},
		bundle.Manifest{Policies: policies})
	const mine = "*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
	want, err := Wanted(b, bundle.Debian, map[string][]byte{
		"/etc/iptables/rules.v4":             []byte(mine),
		"/etc/iptables/ipsets":               []byte("create hardenctl-old hash:ip\n"),
		"/etc/sysctl.d/60-hardenctl.conf":    []byte("b = 2\n"),
		"/etc/modules-load.d/hardenctl.conf": []byte("xt_set\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(want["/etc/iptables/rules.v4"]); !strings.Contains(got, mine) || !strings.Contains(got, "HARDENCTL-INPUT") {
		t.Errorf("rules.v4:\n%s", got)
	}
	if got := string(want["/etc/sysctl.d/60-hardenctl.conf"]); got != "a = 1\n" {
		t.Errorf("sysctl: %q", got)
	}
	for _, path := range []string{"/etc/iptables/ipsets", "/etc/modules-load.d/hardenctl.conf", "/etc/modprobe.d/hardenctl.conf"} {
		if text, stated := want[path]; text != nil || !stated {
			t.Errorf("%s: %q, want no file", path, text)
		}
	}
	_, err = Wanted(b, bundle.RHEL, map[string][]byte{"/etc/sysconfig/iptables": []byte("garbage")})
	if err == nil || !strings.Contains(err.Error(), `/etc/sysconfig/iptables: line 1: "garbage"`) {
		t.Errorf("garbage: %v", err)
	}
}

// A file that may not be read is an error, not a missing file.
func TestReadError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file", "below")
	if err := os.WriteFile(filepath.Dir(path), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(map[string]string{"a": path}); err == nil || os.IsNotExist(err) {
		t.Errorf("error %v, want one of %v's kind", err, fs.ErrInvalid)
	}
}
