package main

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// sameProfile uses includes, lists, all counters and all files of a bundle.
var sameProfile = map[string]string{
	"profile/web.toml": `version = 1
include = ["builtin:web", "site/common.toml"]
[sets.bad]
files = ["lists/bad.txt"]
[access]
block = ["@bad"]
[services.ssh]
from = ["192.0.2.0/24", "2001:db8::/32"]
`,
	"profile/site/common.toml": "version = 1\npolicy.forward = \"drop\"\nudp.packets_per_source = \"50/second\"\n",
	"profile/lists/bad.txt":    "203.0.113.0/25\n203.0.113.128/25\n2001:db8:bad::/48\n198.51.100.1-198.51.100.9\n",
	"elsewhere/empty":          "",
}

// environment is one way to run the program on the same profile.
type environment struct {
	name    string
	env     []string
	dir     string // below the test's folder
	profile string // from there; "/" stands for the absolute path
	nobody  bool
}

var environments = []environment{
	{"time zone", []string{"TZ=Pacific/Chatham"}, "profile", "web.toml", false},
	{"locale", []string{"LANG=tr_TR.UTF-8", "LC_ALL=de_DE.UTF-8"}, "profile", "web.toml", false},
	{"one processor", []string{"GOMAXPROCS=1"}, "profile", "web.toml", false},
	{"two processors", []string{"GOMAXPROCS=2"}, "profile", "web.toml", false},
	{"no environment", nil, "profile", "web.toml", false},
	{"from above", nil, ".", "profile/web.toml", false},
	{"from beside", nil, "elsewhere", "../profile/web.toml", false},
	{"from below", nil, "profile/site", "./../web.toml", false},
	{"absolute path", nil, "elsewhere", "/", false},
	{"another user", nil, "profile", "web.toml", true},
}

// TestSameBytes holds that equal profiles give equal bundles, byte for byte,
// whatever else is different.
func TestSameBytes(t *testing.T) {
	enter(t, sameProfile)
	root := openFolder(t)
	program := filepath.Join(root, "hardenctl")
	if out, err := exec.Command("go", "build", "-C", packageFolder, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	want := compiled(t, root, program, environment{name: "baseline", env: os.Environ(), dir: "profile", profile: "web.toml"})
	if len(want) != 9 {
		t.Fatalf("the bundle has the files %v", slices.Sorted(maps.Keys(want)))
	}
	for _, e := range environments {
		t.Run(e.name, func(t *testing.T) {
			if e.nobody && os.Geteuid() != 0 {
				t.Skip("only root can become somebody else")
			}
			got := compiled(t, root, program, e)
			for name, text := range want {
				if got[name] != text {
					t.Errorf("%s is different", name)
				}
			}
			if len(got) != len(want) {
				t.Errorf("got the files %v", slices.Sorted(maps.Keys(got)))
			}
		})
	}
}

// packageFolder is the folder of this package, which tests leave.
var packageFolder, _ = os.Getwd()

// openFolder returns the working directory, opened for any user: that of a test
// lies in a folder which only its owner may enter.
func openFolder(t *testing.T) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// compiled runs the program and returns the files that it wrote, by name.
func compiled(t *testing.T, root, program string, e environment) map[string]string {
	t.Helper()
	out := filepath.Join(root, "out-"+e.name)
	if err := os.Mkdir(out, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(out, 0o777); err != nil { // whatever the umask
		t.Fatal(err)
	}
	if e.profile == "/" {
		e.profile = filepath.Join(root, "profile/web.toml")
	}
	cmd := exec.Command(program, "compile", e.profile, "-o", out)
	cmd.Dir = filepath.Join(root, e.dir)
	cmd.Env = append([]string{}, e.env...)
	if e.nobody {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, text)
	}
	return filesOf(t, os.DirFS(out))
}

func filesOf(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	files := map[string]string{}
	names, err := fs.Glob(fsys, "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	return files
}
