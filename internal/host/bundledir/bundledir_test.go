package bundledir_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/bundledir"
)

// example is a bundle of two files.
func example() *bundle.Bundle {
	return bundle.Seal([]bundle.File{
		{Name: bundle.RulesV4, Text: []byte("*filter\n:INPUT DROP [0:0]\nCOMMIT\n")},
		{Name: bundle.Sysctl, Text: []byte("net.ipv4.tcp_syncookies = 1\n")},
	}, bundle.Manifest{Profile: "web.toml"})
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	earlier := bundle.Seal([]bundle.File{{Name: bundle.RulesV4, Text: []byte("old")}, {Name: bundle.Sets, Text: []byte("old")}}, bundle.Manifest{})
	for _, b := range []*bundle.Bundle{earlier, example(), example()} {
		if err := bundledir.Write(dir, b); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "README", "of a person")
		write(t, dir, bundle.RulesV4, "edited by hand")
	}
	if err := bundledir.Write(dir, example()); err != nil {
		t.Fatal(err)
	}
	var names []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"README", "manifest.json", "rules.v4", "sysctl.conf"}; !reflect.DeepEqual(names, want) {
		t.Errorf("the folder has %v, want %v", names, want)
	}
	if s, err := os.Stat(filepath.Join(dir, bundle.RulesV4)); err != nil || s.Mode() != 0o640 {
		t.Errorf("rules.v4: %v %v", s.Mode(), err)
	}
	got, err := bundle.ReadFolder(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if string(got.ManifestText()) != string(example().ManifestText()) || !reflect.DeepEqual(got.Files, example().Files) {
		t.Errorf("read back as %+v", got)
	}
}

// A file in a folder of the bundle's comes and goes with the folder, unless
// somebody else keeps something there.
func TestWriteBelow(t *testing.T) {
	dir := t.TempDir()
	below := bundle.Seal([]bundle.File{{Name: bundle.Fail2banJail, Text: []byte("[hardenctl]\n")}}, bundle.Manifest{})
	folder := filepath.Join(dir, "fail2ban")
	for _, kept := range []bool{false, true} {
		if err := bundledir.Write(dir, below); err != nil {
			t.Fatal(err)
		}
		if got, err := bundle.ReadFolder(os.DirFS(dir)); err != nil || !reflect.DeepEqual(got.Files, below.Files) {
			t.Errorf("read back as %+v, %v", got, err)
		}
		if diff, err := bundle.Diff(example(), os.DirFS(dir)); err != nil || !strings.Contains(diff, "--- a/fail2ban/jail.conf\n+++ /dev/null\n") {
			t.Errorf("%v\n%s", err, diff)
		}
		if kept {
			write(t, folder, "notes", "of a person")
		}
		if err := bundledir.Write(dir, example()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(folder); (err == nil) != kept {
			t.Errorf("the folder stays: %v, want %v", err == nil, kept)
		}
	}
}

// A folder that holds files of somebody under a bundle's names, such as /etc,
// is not written to.
func TestWriteKeepsOthersFiles(t *testing.T) {
	for _, manifest := range []string{"", "{}", `{"name": "a web app"}`, `{"format": 1, "files": [{"name": "rules.v4"}]}`} {
		for _, name := range []string{bundle.Sysctl, bundle.Sets} {
			dir := t.TempDir()
			write(t, dir, name, "of a person")
			if manifest != "" {
				write(t, dir, bundle.ManifestName, manifest)
			}
			err := bundledir.Write(dir, example())
			if err == nil || !strings.Contains(err.Error(), "exists and belongs to no bundle; choose another folder") {
				t.Errorf("%s beside manifest %q: error %v", name, manifest, err)
			}
			if text, _ := os.ReadFile(filepath.Join(dir, name)); string(text) != "of a person" {
				t.Errorf("%s beside manifest %q holds %q now", name, manifest, text)
			}
		}
	}
}

func TestWriteThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, bundle.RulesV4, "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := bundledir.Write(dir, example()); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	write(t, dir, "file", "")
	if err := bundledir.Write(filepath.Join(dir, "file"), example()); err == nil {
		t.Error("a bundle was written into a file")
	}
}

// A file without blocks is not read.
func TestReadHuge(t *testing.T) {
	dir := t.TempDir()
	if err := bundledir.Write(dir, example()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{bundle.RulesV4, bundle.ManifestName} {
		if err := os.Truncate(filepath.Join(dir, name), 3<<30); err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.ReadFolder(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), name+" is larger than 256 MiB") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLinkFiles shows that the files of interfaces come last and sorted, are
// read back, and go with the profile that named them.
func TestLinkFiles(t *testing.T) {
	folder := t.TempDir()
	withLinks := bundle.Seal([]bundle.File{
		{Name: bundle.LinkName("lan0"), Text: []byte("lan\n")},
		{Name: bundle.LinkName("eth0.100"), Text: []byte("eth\n")},
		{Name: bundle.Sysctl, Text: []byte("a = 1\n")},
	}, bundle.Manifest{Profile: "a.toml"})
	if err := bundledir.Write(folder, withLinks); err != nil {
		t.Fatal(err)
	}
	read, err := bundle.ReadFolder(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	last := read.Manifest.Files[2]
	if read.Manifest.Files[1].Name != "nics/eth0.100.link" || last.Name != "nics/lan0.link" ||
		last.Targets[bundle.RHEL] != "/etc/systemd/network/98-hardenctl-lan0.link" {
		t.Errorf("got %+v", read.Manifest.Files)
	}

	without := bundle.Seal([]bundle.File{{Name: bundle.Sysctl, Text: []byte("a = 1\n")}}, bundle.Manifest{Profile: "a.toml"})
	diff, err := bundle.Diff(without, os.DirFS(folder))
	if err != nil || !strings.Contains(diff, "--- a/nics/lan0.link\n+++ /dev/null") {
		t.Errorf("%v: the files that shall go are not in\n%s", err, diff)
	}
	if err := bundledir.Write(folder, without); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder + "/nics"); !os.IsNotExist(err) {
		t.Errorf("the files of an earlier bundle are left: %v", err)
	}
}
