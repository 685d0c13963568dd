package bundle_test

import (
	"fmt"
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
		"no JSON":           {manifest("{", "["), "manifest.json: this is not a valid manifest"},
		"text after JSON":   {folder(bundle.ManifestName, exampleManifest+"x"), "manifest.json: this is not a valid manifest"},
		"another format":    {manifest(`"format": 1`, `"format": 2, "more": true`), "unsupported manifest format 2 (expected 1); compile the profile again"},
		"no format":         {manifest(`"format": 1,`, ``), "unsupported manifest format 0"},
		"an unknown part":   {manifest(`"profile"`, `"profil"`), `unknown field "profil"`},
		"a changed file":    {folder(bundle.RulesV4, "*filter\n"), "rules.v4 is not the file that the manifest lists"},
		"a missing file":    {missing, "sysctl.conf: file does not exist; the manifest lists it"},
		"a file from above": {manifest(`"name": "rules.v4"`, `"name": "../rules.v4"`), `"../rules.v4" is not a file of a bundle`},
		"a file twice":      {manifest(`"name": "sysctl.conf"`, `"name": "rules.v4"`), `"rules.v4" is not a file of a bundle, or is not in its place`},
		"another target":    {manifest(`/etc/iptables/rules.v4`, `/etc/passwd`), "rules.v4: the manifest states targets or a mode"},
		"another mode":      {manifest(`0640`, `4755`), "rules.v4: the manifest states targets or a mode"},
	} {
		if _, err := bundle.ReadFolder(test.fsys); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// Generations that earlier versions kept have one mode for all files, and can be
// restored.
func TestOldMode(t *testing.T) {
	old := strings.Replace(exampleManifest, "0640", "0644", 1)
	b, err := bundle.ReadFolder(folder(bundle.ManifestName, old))
	if err != nil || string(b.ManifestText()) != old {
		t.Errorf("%v", err)
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
