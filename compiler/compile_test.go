package compiler_test

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

func compile(t *testing.T, text string) (*bundle.Bundle, diag.List) {
	t.Helper()
	root := fstest.MapFS{"a.toml": {Data: []byte(text)}}
	return compiler.Compile("a.toml", profile.Folders{Root: root})
}

// TestErrors holds that an error of any stage leaves no bundle, and that a
// warning comes beside one.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
		bundle           bool
	}{
		{"right", "version = 1", "", true},
		{"of the reader", "version = 1\n[polcy]", "a.toml:2:2: polcy: unknown table", false},
		{"of the check", "version = 1\nservices.a.ports = [\"tcp/80\"]\nservices.b.ports = [\"tcp/80\"]",
			"a.toml:3:21: services.b.ports: tcp/80 is a port of services.a too, and both are for everyone", false},
		{"a warning of the reader", "version = 1\nscan.window = \"60s\"",
			"a.toml:2:15: warning: scan.window: does nothing, since scan.probes is not stated", true},
		{"warnings of both, in order", "version = 1\naccess.admin = [\"192.0.2.7\"]\nscan.window = \"60s\"",
			"a.toml:2:17: warning: access.admin: no service is marked admin, so these addresses reach nothing by it\n" +
				"a.toml:3:15: warning: scan.window: does nothing, since scan.probes is not stated", true},
		{"empty", "", "a.toml:1:1: version: is not stated", false},
	} {
		b, list := compile(t, test.text)
		var lines []string
		for _, d := range list {
			lines = append(lines, d.String())
		}
		if got := strings.Join(lines, "\n"); got != test.want || (b != nil) != test.bundle {
			t.Errorf("%s: bundle %v, want %v, with\n%s\nwant\n%s", test.name, b != nil, test.bundle, got, test.want)
		}
	}
}

const whole = `version = 1
[access]
admin = ["192.0.2.7"]
exempt = ["2001:db8::/32"]
block = ["203.0.113.0/24"]
[services.ssh]
ports = ["tcp/22"]
admin = true
new_per_source = "10 in 60s"
[services.dns]
ports = ["udp/53"]
[scan]
probes = 10
stealth = true
[icmp]
echo_per_source = "1/second"
[udp]
packets_per_source = "50/second"
[log]
rate = "5/minute"
[kernel]
conntrack_max = 262144
conntrack_hashsize = 32768
rp_filter = "loose"
`

// TestManifestRules holds the manifest's rules against the rules files, one to
// one: that is how a plan line, or an error of the kernel, finds its profile line.
func TestManifestRules(t *testing.T) {
	b, list := compile(t, whole)
	if b == nil {
		t.Fatal(list)
	}
	var fromFiles, fromManifest []string
	for family, name := range map[int]string{4: bundle.RulesV4, 6: bundle.RulesV6} {
		fromFiles = append(fromFiles, numbered(family, b.File(name))...)
	}
	lines := bytes.Count([]byte(whole), []byte("\n"))
	for _, r := range b.Manifest.Rules {
		fromManifest = append(fromManifest, fmt.Sprintf("%d %s %s %d", r.Family, r.Table, r.Chain, r.Number))
		if r.Part == "" || r.File != "a.toml" || r.Line < 0 || r.Line > lines {
			t.Errorf("%s %d stands for %q in %s:%d", r.Chain, r.Number, r.Part, r.File, r.Line)
		}
		if statesPart(r.Part) && r.Line == 0 {
			t.Errorf("%s %d stands for %s, in no line", r.Chain, r.Number, r.Part)
		}
	}
	slices.Sort(fromFiles)
	slices.Sort(fromManifest)
	if !slices.Equal(fromFiles, fromManifest) {
		t.Errorf("the files have %d rules and the manifest %d, or others", len(fromFiles), len(fromManifest))
	}
}

// statesPart reports whether the profile of these tests has the part. It has
// no [policy]: what the language says without it is in no line.
func statesPart(part string) bool { return part != "policy" }

// numbered returns "family table chain number" for each rule of a file.
func numbered(family int, text []byte) []string {
	var all []string
	table, count := "", map[string]int{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case strings.HasPrefix(lines.Text(), "*"):
			table = lines.Text()[1:]
		case words[0] == "-A":
			count[words[1]]++
			all = append(all, fmt.Sprintf("%d %s %s %d", family, table, words[1], count[words[1]]))
		}
	}
	return all
}

// TestManifestParts holds the rest of the manifest against the files.
func TestManifestParts(t *testing.T) {
	b, list := compile(t, whole)
	if b == nil {
		t.Fatal(list)
	}
	for _, p := range b.Manifest.Policies {
		text := b.File(map[int]string{4: bundle.RulesV4, 6: bundle.RulesV6}[p.Family])
		if !bytes.Contains(text, fmt.Appendf(nil, ":%s %s [0:0]\n", p.Chain, p.Policy)) || p.Part != "policy" {
			t.Errorf("policy %+v is not in the file", p)
		}
	}
	if len(b.Manifest.Policies) != 2 {
		t.Errorf("the profile states the policy of INPUT, twice: got %+v", b.Manifest.Policies)
	}
	if got, want := setEntries(b), setsOf(b.File(bundle.Sets)); !maps.Equal(got, want) {
		t.Errorf("the manifest has the sets %v, the file %v", got, want)
	}
	checkSettings(t, b)
}

// checkSettings holds that each setting is in its file, and knows its line.
func checkSettings(t *testing.T, b *bundle.Bundle) {
	t.Helper()
	want := []string{
		"net.netfilter.nf_conntrack_max=262144 kernel.conntrack_max a.toml:22",
		"net.ipv4.conf.*.rp_filter=2 kernel.rp_filter a.toml:24",
		"nf_conntrack hashsize=32768 kernel.conntrack_hashsize a.toml:23",
		"xt_recent ip_list_tot=8192 services.ssh a.toml:6",
	}
	var got []string
	for _, s := range b.Manifest.Settings {
		name := s.Key
		if s.Module != "" {
			name = s.Module + " " + s.Option
		}
		got = append(got, fmt.Sprintf("%s=%s %s %s", name, s.Value, s.Part, s.Position()))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got settings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func setEntries(b *bundle.Bundle) map[string]int {
	entries := map[string]int{}
	for _, s := range b.Manifest.Sets {
		entries[s.Name] = s.Entries
	}
	return entries
}

// setsOf counts the members of each set in an ipsets file.
func setsOf(text []byte) map[string]int {
	entries := map[string]int{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		entries[words[1]] += map[string]int{"create": 0, "add": 1}[words[0]]
	}
	return entries
}

// TestLower holds that the typed form comes and fails with the bundle.
func TestLower(t *testing.T) {
	files := profile.Folders{Root: fstest.MapFS{"a.toml": {Data: []byte(whole)}, "b.toml": {Data: []byte("x = 1")}}}
	if rs, list := compiler.Lower("a.toml", files); rs == nil || list.HasErrors() {
		t.Errorf("a good profile gave %v", list)
	}
	if rs, list := compiler.Lower("b.toml", files); rs != nil || !list.HasErrors() {
		t.Errorf("a bad profile gave %v", list)
	}
}

// TestBuild holds that a profile that was read gives the bundle of Compile, and
// that a copy with another number gives another.
func TestBuild(t *testing.T) {
	text := "version = 1\nscan = { probes = 10, window = \"1h\" }\n"
	want, _ := compile(t, text)
	p, _ := profile.Read("a.toml", profile.Folders{Root: fstest.MapFS{"a.toml": {Data: []byte(text)}}})
	if got := compiler.Build("a.toml", p); !reflect.DeepEqual(got, want) {
		t.Error("Build and Compile differ")
	}
	p.Scan.Window /= 60
	if got := compiler.Build("a.toml", p); reflect.DeepEqual(got, want) {
		t.Error("another window makes no other bundle")
	}
}

// TestOwnLineFirst holds that what the check says about an inherited part is said
// at the user's own line, with the inherited one in the note.
func TestOwnLineFirst(t *testing.T) {
	for text, want := range map[string]string{
		"services.mine.ports = [\"tcp/80\"]":                                              "a.toml:3:24: services.mine.ports: tcp/80 is a port of services.http too, and both are for everyone",
		"services.aaa.ports = [\"tcp/80\"]":                                               "a.toml:3:23: services.aaa.ports: tcp/80 is a port of services.http too, and both are for everyone",
		"[services.http]\nconnections_per_source = 9\n[services.a]\nports = [\"tcp/80\"]": "a.toml:6:10: services.a.ports: tcp/80 is a port of services.http too, and both are for everyone",
		"scan.tripwires = [\"tcp/80\"]":                                                   "a.toml:3:19: scan.tripwires: tcp/80 is a port of services.http, where one probe must not ban",
		"access.admin = [\"192.0.2.1\"]":                                                  "a.toml:2:12: knocks.door.sequence: this sequence is part of hardenctl, and everybody can read it",
		"knocks.door.step = \"3s\"":                                                       "a.toml:3:8: knocks.door.sequence: this sequence is part of hardenctl, and everybody can read it",
		"services.ssh.from = [\"@ban\"]\nsets.ban.addresses = [\"192.0.2.1\"]\nknocks.door.sequence = [\"tcp/7301\", \"udp/9302\"]": "a.toml:4:6: sets.ban: a service is for this set, and hardenctl has a set of its own",
	} {
		_, list := compiler.Compile("a.toml", profile.Folders{
			Root: fstest.MapFS{"a.toml": {Data: []byte("version = 1\ninclude = [\"builtin:b\"]\n" + text)}},
			Builtins: fstest.MapFS{"b.toml": {Data: []byte(`version = 1
icmp.echo_per_source = "1/second"
services.http.ports = ["tcp/80"]
services.ssh = { ports = ["tcp/22"], admin = true, knock = "door" }
knocks.door.sequence = ["tcp/7101", "udp/9202"]
scan.probes = 10
`)}},
		})
		if !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return strings.HasPrefix(d.String(), want) }) {
			t.Errorf("%s:\n%v\nwant\n%s", text, list, want)
		}
		for _, d := range list {
			if d.File != "a.toml" {
				t.Errorf("%s: is said at %s", text, d)
			}
		}
	}
}

// The chains whose jumps may come first are in the manifest alone, in their order, and are
// read back from it. A profile without any has no such key.
func TestLeading(t *testing.T) {
	with, list := compile(t, "version = 1\n[policy]\nbefore = [\"ts-input\", \"f2b-*\"]")
	without, _ := compile(t, "version = 1\n\n")
	if with == nil || without == nil || len(list) > 0 {
		t.Fatal(list)
	}
	read, err := bundle.ParseManifest(with.ManifestText())
	if want := []string{"ts-input", "f2b-*"}; err != nil || !slices.Equal(read.Leading, want) {
		t.Errorf("%v: %q, want %q", err, read.Leading, want)
	}
	if bytes.Contains(without.ManifestText(), []byte("leading")) {
		t.Errorf("without any:\n%s", without.ManifestText())
	}
	for i, f := range with.Files {
		if !bytes.Equal(f.Text, without.Files[i].Text) {
			t.Errorf("%s differs", f.Name)
		}
	}
}
