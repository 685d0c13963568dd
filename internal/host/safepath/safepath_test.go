package safepath

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Only the owner can write what tests make, whatever the umask is: it would be
// refused.
func init() { syscall.Umask(0o022) }

// bob is a user who is neither root nor anyone who logged in.
const bob = 12345

// inBobsHands says who could change a profile, and what would be said of it.
var inBobsHands = []struct {
	name string
	plot func(t *testing.T, folder string)
	says string // the step to blame and the reason; empty if nothing is wrong
}{
	{"root's own", func(t *testing.T, folder string) {}, ""},
	{"a file that all may write", chmod("site/web.toml", 0o666), "site/web.toml is writable by other users (mode 0666)"},
	{"a file that a group may write", chmod("site/web.toml", 0o664), "site/web.toml is writable by other users"},
	{"a file of bob's", chown("site/web.toml", bob), "site/web.toml is owned by 12345"},
	{"a folder that all may write", chmod("site", 0o777), "site is writable by other users"},
	{"a folder above it that a group may write", chmod(".", 0o775), "is writable by other users"},
	{"a folder of bob's", chown("site", bob), "site is owned by 12345"},
	{"a folder like /tmp", chmod("site", fs.ModeSticky|0o777), ""},
	{"a file of bob's in a folder like /tmp", both(chmod("site", fs.ModeSticky|0o777), chown("site/web.toml", bob)), "site/web.toml is owned by 12345"},
	{"a link of root's", link("real/web.toml", 0), ""},
	{"a link of bob's", link("real/web.toml", bob), "site/web.toml is owned by 12345"},
	{"a link to what all may write", both(link("../open/web.toml", 0), chmod("open", 0o777)), "open is writable by other users"},
	{"a link up and down", both(link("real/../../open/web.toml", 0), chmod("open/web.toml", 0o666)), "open/web.toml is writable by other users"},
	{"a file that only its owner may read", chmod("site/web.toml", 0o600), ""},
}

func chmod(name string, mode fs.FileMode) func(*testing.T, string) {
	return func(t *testing.T, folder string) { must(t, os.Chmod(filepath.Join(folder, name), mode)) }
}

func chown(name string, uid int) func(*testing.T, string) {
	return func(t *testing.T, folder string) { must(t, os.Lchown(filepath.Join(folder, name), uid, -1)) }
}

// link makes the profile a link.
func link(target string, uid int) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		name := filepath.Join(folder, "site/web.toml")
		must(t, os.Remove(name))
		must(t, os.Symlink(target, name))
		must(t, os.Lchown(name, uid, -1))
	}
}

func both(first, second func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, folder string) { first(t, folder); second(t, folder) }
}

// site makes a folder with three profiles and returns it.
func site(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"site/web.toml", "site/real/web.toml", "open/web.toml"} {
		path := filepath.Join(folder, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, nil, 0o644))
	}
	return folder
}

func TestTrusted(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	for _, c := range inBobsHands {
		t.Run(c.name, func(t *testing.T) {
			folder := site(t)
			c.plot(t, folder)
			path := filepath.Join(folder, "site/web.toml")
			err := trusted(path, []uint32{0})
			var wrong *Error
			switch {
			case c.says == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.says != "" && (!errors.As(err, &wrong) || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %v, want %q", err, c.says)
			}
			// A user logged in as bob may own it, and still no other user write it.
			err = trusted(path, []uint32{0, bob})
			if bobs := strings.Contains(c.says, "owned"); (err == nil) != (bobs || c.says == "") {
				t.Errorf("logged in as bob: %v", err)
			}
		})
	}
}

// A relative path is looked at from / down, like any other.
func TestTrustedRelative(t *testing.T) {
	folder := site(t)
	t.Chdir(filepath.Join(folder, "site"))
	for _, path := range []string{"web.toml", "./real/../web.toml", "../open/web.toml"} {
		if err := Trusted(path); err != nil {
			t.Error(err)
		}
	}
	must(t, os.Chmod(folder, 0o777))
	if err := Trusted("web.toml"); err == nil || !strings.Contains(err.Error(), folder+" is writable by other users") {
		t.Errorf("got %v", err)
	}
}

func TestTrustedNowhere(t *testing.T) {
	folder := site(t)
	must(t, os.Symlink("round", filepath.Join(folder, "round")))
	for _, path := range []string{filepath.Join(folder, "gone/web.toml"), ""} {
		if err := Trusted(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if err := Trusted(filepath.Join(folder, "round")); err == nil || !strings.Contains(err.Error(), "too many levels of symbolic links") {
		t.Errorf("a link to itself: %v", err)
	}
}

// What is written goes where it is said, or nowhere.
func TestReal(t *testing.T) {
	folder := site(t)
	in := func(name string) string { return filepath.Join(folder, name) }
	must(t, os.Symlink("site", in("link")))
	must(t, os.Mkdir(in("public"), 0o777))
	must(t, os.Chmod(in("public"), 0o777))
	for path, says := range map[string]string{
		in("site"):          "",
		in("site/later/on"): "",
		in("link"):          "link is a symbolic link",
		in("link/real"):     "link is a symbolic link",
		in("site/web.toml"): "web.toml is not a folder",
		in("public"):        "public is writable by other users",
		in("public/later"):  "public is writable by other users",
	} {
		err := Real(path)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: got %v, want %q", path, err, says)
		}
	}
}

// Folders get the mode that is asked for, and those that exist keep theirs.
func TestMakeFolder(t *testing.T) {
	folder := site(t)
	must(t, os.Chmod(filepath.Join(folder, "site"), 0o711))
	defer unix.Umask(unix.Umask(0o077))
	must(t, MakeFolder(filepath.Join(folder, "site/a/b"), 0o755))
	for name, want := range map[string]fs.FileMode{"site": 0o711, "site/a": 0o755, "site/a/b": 0o755} {
		stat, err := os.Stat(filepath.Join(folder, name))
		must(t, err)
		if stat.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, stat.Mode(), want)
		}
	}
	must(t, os.Symlink("site", filepath.Join(folder, "link")))
	if err := MakeFolder(filepath.Join(folder, "link/c"), 0o750); err == nil {
		t.Error("a folder was made behind a link")
	}
	if _, err := os.Stat(filepath.Join(folder, "site/c")); err == nil {
		t.Error("the folder is there")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
