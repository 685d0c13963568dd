package bundle_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// example is a small bundle, its files handed over in no order.
func example() *bundle.Bundle {
	return bundle.Seal(
		[]bundle.File{
			{Name: bundle.Sysctl, Text: []byte("net.ipv4.tcp_syncookies = 1\n")},
			{Name: bundle.RulesV4, Text: []byte("*filter\n:INPUT DROP [0:0]\nCOMMIT\n")},
		},
		bundle.Manifest{
			Profile: "<web>",
			Rules:   []bundle.RuleEntry{{Family: 4, Table: "filter", Chain: "INPUT", Number: 1, Origin: bundle.Origin{Part: "policy", File: "web.toml", Line: 3}}},
		})
}

const exampleManifest = `{
  "format": 1,
  "profile": "<web>",
  "files": [
    {
      "name": "rules.v4",
      "targets": {
        "debian": "/etc/iptables/rules.v4",
        "rhel": "/etc/sysconfig/iptables"
      },
      "mode": "0640",
      "sha256": "b90239d6f3b85e9b70c0c1719403c4fee6bf9e16f26c1a8f0b646f8f73080bb2"
    },
    {
      "name": "sysctl.conf",
      "targets": {
        "debian": "/etc/sysctl.d/60-hardenctl.conf",
        "rhel": "/etc/sysctl.d/60-hardenctl.conf"
      },
      "mode": "0644",
      "sha256": "16a8920b42663e2629fc339fe6798d596ba44fee1311eb49e1221cc895638f74"
    }
  ],
  "policies": [],
  "sets": [],
  "settings": [],
  "access": {
    "admin": [],
    "services": []
  },
  "rules": [
    {
      "family": 4,
      "table": "filter",
      "chain": "INPUT",
      "number": 1,
      "part": "policy",
      "file": "web.toml",
      "line": 3
    }
  ]
}
`

func TestManifestText(t *testing.T) {
	if got := string(example().ManifestText()); got != exampleManifest {
		t.Errorf("got\n%s\nwant\n%s", got, exampleManifest)
	}
}

// Where the two families of distributions keep each file.
func TestTargets(t *testing.T) {
	want := map[string][2]string{
		bundle.RulesV4:     {"/etc/iptables/rules.v4", "/etc/sysconfig/iptables"},
		bundle.RulesV6:     {"/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"},
		bundle.Sets:        {"/etc/iptables/ipsets", "/etc/sysconfig/ipset"},
		bundle.ClosedV4:    {"/etc/hardenctl/closed.v4", "/etc/hardenctl/closed.v4"},
		bundle.ClosedV6:    {"/etc/hardenctl/closed.v6", "/etc/hardenctl/closed.v6"},
		bundle.KeptSets:    {"/etc/hardenctl/kept-sets", "/etc/hardenctl/kept-sets"},
		bundle.Sysctl:      {"/etc/sysctl.d/60-hardenctl.conf", "/etc/sysctl.d/60-hardenctl.conf"},
		bundle.ModProbe:    {"/etc/modprobe.d/hardenctl.conf", "/etc/modprobe.d/hardenctl.conf"},
		bundle.ModulesLoad: {"/etc/modules-load.d/hardenctl.conf", "/etc/modules-load.d/hardenctl.conf"},

		bundle.Fail2banFilter: {"/etc/fail2ban/filter.d/hardenctl.conf", "/etc/fail2ban/filter.d/hardenctl.conf"},
		bundle.Fail2banJail:   {"/etc/fail2ban/jail.d/hardenctl.conf", "/etc/fail2ban/jail.d/hardenctl.conf"},
		bundle.Fail2banAction: {"/etc/fail2ban/action.d/hardenctl.conf", "/etc/fail2ban/action.d/hardenctl.conf"},
	}
	var files []bundle.File
	for name := range want { // in any order
		files = append(files, bundle.File{Name: name})
	}
	entries := bundle.Seal(files, bundle.Manifest{}).Manifest.Files
	if len(entries) != len(want) {
		t.Errorf("%d entries, want %d", len(entries), len(want))
	}
	for _, e := range entries {
		mode := "0640"
		if slices.Contains([]string{bundle.Sysctl, bundle.ModProbe, bundle.ModulesLoad}, e.Name) {
			mode = "0644"
		}
		if got := [2]string{e.Targets[bundle.Debian], e.Targets[bundle.RHEL]}; got != want[e.Name] || e.Mode != mode {
			t.Errorf("%s: %v %s, want %v %s", e.Name, got, e.Mode, want[e.Name], mode)
		}
		for _, path := range e.Targets {
			if got := fmt.Sprintf("%04o", bundle.ModeAt(path)); got != mode {
				t.Errorf("%s: mode %s, want %s", path, got, mode)
			}
		}
	}
}

func TestSealRefusesStrangeFiles(t *testing.T) {
	for _, names := range [][]string{{"passwd"}, {bundle.ManifestName}, {bundle.RulesV4, bundle.RulesV4}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Seal took %v", names)
				}
			}()
			var files []bundle.File
			for _, name := range names {
				files = append(files, bundle.File{Name: name})
			}
			bundle.Seal(files, bundle.Manifest{})
		}()
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWriteFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	earlier := bundle.Seal([]bundle.File{{Name: bundle.RulesV4, Text: []byte("old")}, {Name: bundle.Sets, Text: []byte("old")}}, bundle.Manifest{})
	for _, b := range []*bundle.Bundle{earlier, example(), example()} {
		if err := b.WriteFolder(dir); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "README", "of a person")
		write(t, dir, bundle.RulesV4, "edited by hand")
	}
	if err := example().WriteFolder(dir); err != nil {
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
	if string(got.ManifestText()) != exampleManifest || !reflect.DeepEqual(got.Files, example().Files) {
		t.Errorf("read back as %+v", got)
	}
}

// A file in a folder of the bundle's comes and goes with the folder, unless
// somebody else keeps something there.
func TestWriteFolderBelow(t *testing.T) {
	dir := t.TempDir()
	below := bundle.Seal([]bundle.File{{Name: bundle.Fail2banJail, Text: []byte("[hardenctl]\n")}}, bundle.Manifest{})
	folder := filepath.Join(dir, "fail2ban")
	for _, kept := range []bool{false, true} {
		if err := below.WriteFolder(dir); err != nil {
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
		if err := example().WriteFolder(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(folder); (err == nil) != kept {
			t.Errorf("the folder stays: %v, want %v", err == nil, kept)
		}
	}
}

// A folder that holds files of somebody under a bundle's names, such as /etc,
// is not written to.
func TestWriteFolderKeepsOthersFiles(t *testing.T) {
	for _, manifest := range []string{"", "{}", `{"name": "a web app"}`, `{"format": 1, "files": [{"name": "rules.v4"}]}`} {
		for _, name := range []string{bundle.Sysctl, bundle.Sets} {
			dir := t.TempDir()
			write(t, dir, name, "of a person")
			if manifest != "" {
				write(t, dir, bundle.ManifestName, manifest)
			}
			err := example().WriteFolder(dir)
			if err == nil || !strings.Contains(err.Error(), "is in the way and of no bundle; choose another folder") {
				t.Errorf("%s beside manifest %q: error %v", name, manifest, err)
			}
			if text, _ := os.ReadFile(filepath.Join(dir, name)); string(text) != "of a person" {
				t.Errorf("%s beside manifest %q holds %q now", name, manifest, text)
			}
		}
	}
}

func TestWriteFolderThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, bundle.RulesV4, "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := example().WriteFolder(dir); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	write(t, dir, "file", "")
	if err := example().WriteFolder(filepath.Join(dir, "file")); err == nil {
		t.Error("a bundle was written into a file")
	}
}

// folder is the example as files, with one of them changed.
func folder(name, text string) fstest.MapFS {
	fsys := fstest.MapFS{bundle.ManifestName: {Data: example().ManifestText()}}
	for _, f := range example().Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Text}
	}
	if name != "" {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestReadFolderErrors(t *testing.T) {
	manifest := func(old, new string) fstest.MapFS {
		return folder(bundle.ManifestName, strings.Replace(exampleManifest, old, new, 1))
	}
	missing := folder("", "")
	delete(missing, bundle.Sysctl)
	for name, test := range map[string]struct {
		fsys fstest.MapFS
		want string
	}{
		"no bundle":         {fstest.MapFS{}, "is this a folder that `hardenctl compile -o` wrote?"},
		"no JSON":           {manifest("{", "["), "manifest.json: this is no manifest"},
		"text after JSON":   {folder(bundle.ManifestName, exampleManifest+"x"), "manifest.json: this is no manifest"},
		"another format":    {manifest(`"format": 1`, `"format": 2, "more": true`), "has format 2 and this hardenctl knows format 1"},
		"no format":         {manifest(`"format": 1,`, ``), "has format 0"},
		"an unknown part":   {manifest(`"profile"`, `"profil"`), `unknown field "profil"`},
		"a changed file":    {folder(bundle.RulesV4, "*filter\n"), "rules.v4 is not the file that the manifest lists"},
		"a missing file":    {missing, "sysctl.conf: file does not exist; the manifest lists it"},
		"a file from above": {manifest(`"name": "rules.v4"`, `"name": "../rules.v4"`), `"../rules.v4" is no file of a bundle`},
		"a file twice":      {manifest(`"name": "sysctl.conf"`, `"name": "rules.v4"`), `"rules.v4" is no file of a bundle, or is not in its place`},
		"another target":    {manifest(`/etc/iptables/rules.v4`, `/etc/passwd`), "rules.v4: the manifest states targets or a mode"},
		"another mode":      {manifest(`0640`, `4755`), "rules.v4: the manifest states targets or a mode"},
	} {
		if _, err := bundle.ReadFolder(test.fsys); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// Generations that earlier versions kept have one mode for all files, and can be
// gone back to.
func TestOldMode(t *testing.T) {
	old := strings.Replace(exampleManifest, "0640", "0644", 1)
	b, err := bundle.ReadFolder(folder(bundle.ManifestName, old))
	if err != nil || string(b.ManifestText()) != old {
		t.Errorf("%v", err)
	}
}

// A file without blocks is not read.
func TestReadFolderHuge(t *testing.T) {
	dir := t.TempDir()
	if err := example().WriteFolder(dir); err != nil {
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

func TestDiff(t *testing.T) {
	missing := folder("", "")
	delete(missing, bundle.Sysctl)
	for name, test := range map[string]struct {
		fsys fstest.MapFS
		want string
	}{
		"equal":             {folder("", ""), ""},
		"a file of others":  {folder("README", "x"), ""},
		"a changed file":    {folder(bundle.RulesV4, "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"), "--- a/rules.v4\n+++ b/rules.v4\n@@ -1,3 +1,3 @@\n *filter\n-:INPUT ACCEPT [0:0]\n+:INPUT DROP [0:0]\n COMMIT\n"},
		"a missing file":    {missing, "--- /dev/null\n+++ b/sysctl.conf\n@@ -0,0 +1 @@\n+net.ipv4.tcp_syncookies = 1\n"},
		"an extra file":     {folder(bundle.Sets, "create x hash:net\n"), "--- a/ipsets\n+++ /dev/null\n@@ -1 +0,0 @@\n-create x hash:net\n"},
		"an extra, empty":   {folder(bundle.Sets, ""), "--- a/ipsets\n+++ /dev/null\n"},
		"a file's last end": {folder(bundle.Sysctl, "net.ipv4.tcp_syncookies = 1"), "--- a/sysctl.conf\n+++ b/sysctl.conf\n@@ -1 +1 @@\n-net.ipv4.tcp_syncookies = 1\n\\ No newline at end of file\n+net.ipv4.tcp_syncookies = 1\n"},
	} {
		if got, err := bundle.Diff(example(), test.fsys); err != nil || got != test.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, test.want)
		}
	}
	if got, err := bundle.Diff(example(), fstest.MapFS{}); err != nil || strings.Count(got, "--- /dev/null\n") != 3 {
		t.Errorf("an empty folder: %v\n%s", err, got)
	}
	if _, err := bundle.Diff(example(), fstest.MapFS{bundle.RulesV4 + "/x": {}}); err == nil {
		t.Error("a folder in the place of a file is not an error")
	}
}
