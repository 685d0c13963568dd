// Package golden holds the exact bundle of each built-in profile, one folder
// for each, and of nics.toml, since no built-in profile can name the network
// interfaces of a host. People review the folders, and they can be used as they
// are; the tests hold them against the compiler.
package golden

import (
	"flag"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/host/bundledir"
	"github.com/hardenctl/hardenctl/profiles"
)

var update = flag.Bool("update", false, "write the bundles instead of comparing them")

// own is the one profile that is not built in.
const own = "nics"

// names are the profiles that have a folder, in order.
func names() []string {
	all := append(profiles.Names(), own)
	slices.Sort(all)
	return all
}

// compile returns the bundle of a profile.
func compile(t *testing.T, name string) *bundle.Bundle {
	t.Helper()
	path := "builtin:" + name
	if name == own {
		path = name + ".toml"
	}
	b, list := compiler.Compile(path, profile.Folders{Root: os.DirFS("."), Builtins: profiles.FS()})
	for _, d := range list {
		if d.Code == "public-knock" || d.Code == "closed-to-all" {
			continue // a warning: a user's profile states its own knocks and admins
		}
		t.Errorf("a built-in profile is beyond reproach: %s", d)
	}
	if b == nil {
		t.FailNow()
	}
	return b
}

func TestGolden(t *testing.T) {
	for _, name := range names() {
		t.Run(name, func(t *testing.T) {
			b := compile(t, name)
			if *update {
				if err := bundledir.Write(name, b); err != nil {
					t.Fatal(err)
				}
			}
			diff, err := bundle.Diff(b, os.DirFS(name))
			if err != nil {
				t.Fatal(err)
			}
			if diff != "" {
				t.Errorf("the compiler makes something else of this profile than golden/%s holds.\n"+
					"If that is meant: go test ./golden -update, and review the change.\n%s", name, shorten(diff))
			}
		})
	}
}

// shorten keeps a failure readable: a set of thousands may have changed.
func shorten(diff string) string {
	const most = 200
	lines := strings.SplitAfter(diff, "\n")
	if len(lines) <= most {
		return diff
	}
	return strings.Join(lines[:most], "") + "… and more\n"
}

// TestFolders holds that every profile has a folder, and that no folder is left
// of a profile that is gone.
func TestFolders(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, e.Name())
		}
	}
	if !slices.Equal(folders, names()) {
		t.Errorf("golden has %v, and the profiles are %v: add with -update, remove by hand", folders, names())
	}
}

// TestFoldersWhole reads each folder as an apply would: checksums, targets and
// modes are those of the manifest, and nothing else lies there.
func TestFoldersWhole(t *testing.T) {
	for _, name := range names() {
		b, err := bundle.ReadFolder(os.DirFS(name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := countFiles(t, name); n != len(b.Files)+1 {
			t.Errorf("%s holds %d files, and the bundle has %d", name, n, len(b.Files)+1)
		}
	}
}

func countFiles(t *testing.T, folder string) (n int) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(folder), ".", func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
