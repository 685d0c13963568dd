package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bundle"
)

const goodProfile = "version = 1\n[services.web]\nports = [\"tcp/80\"]\n"

// doubtfulProfile compiles, with a warning in line 2.
const doubtfulProfile = "version = 1\nscan.window = \"60s\"\n"

func TestCompileWrites(t *testing.T) {
	enter(t, map[string]string{"a.toml": goodProfile})
	r := run(t, "compile", "a.toml", "-o", "deep/out")
	if r.code != 0 || r.stderr != "" || !strings.HasPrefix(r.stdout, "deep/out: 5 files, ") {
		t.Errorf("got %+v", r)
	}
	b, err := bundle.ReadFolder(os.DirFS("deep/out"))
	if err != nil {
		t.Fatal(err)
	}
	if b.Manifest.Profile != "a.toml" {
		t.Errorf("the manifest calls the profile %q", b.Manifest.Profile)
	}
}

func TestCompileJSON(t *testing.T) {
	enter(t, map[string]string{"a.toml": goodProfile, "doubtful.toml": doubtfulProfile, "bad.toml": "version = 1\nx = 1\n"})
	r := run(t, "compile", "a.toml", "-o", "out", "--json")
	manifest, err := os.ReadFile("out/manifest.json")
	if err != nil || r.code != 0 || r.stderr != "" || r.stdout != string(manifest) {
		t.Errorf("not the manifest (%v): %+v", err, r)
	}
	if r := run(t, "compile", "bad.toml", "-o", "bad", "--json"); r.code != 1 || codes(t, r) != "unknown-key" || exists("bad") {
		t.Errorf("got %+v", r)
	}
	r = run(t, "compile", "doubtful.toml", "-o", "doubtful", "--json")
	if r.code != 0 || !json.Valid([]byte(r.stdout)) || !strings.Contains(r.stderr, "warning: scan.window") {
		t.Errorf("a warning beside a bundle is lost: %+v", r)
	}
}

func TestCheck(t *testing.T) {
	enter(t, map[string]string{"sub/a.toml": goodProfile, "doubtful.toml": doubtfulProfile, "sub/bad.toml": "version = 1\nx = 1\n"})
	for _, test := range []struct {
		profile, out, err, codes string
		code                     int
	}{
		{"sub/a.toml", "sub/a.toml: OK\n", "", "", 0},
		{"./sub/a.toml", "./sub/a.toml: OK\n", "", "", 0},
		{"builtin:web", "builtin:web: OK\n", "", "", 0},
		{"doubtful.toml", "doubtful.toml: OK\n", "doubtful.toml:2:15: warning: scan.window: does nothing", "no-effect", 0},
		{"sub/bad.toml", "", "sub/bad.toml:2:1: error: x: unknown key\n  2 | x = 1\n    | ^\n", "unknown-key", 1},
	} {
		r := run(t, "check", test.profile)
		if r.code != test.code || r.stdout != test.out || !strings.HasPrefix(r.stderr, test.err) || (test.err == "") != (r.stderr == "") {
			t.Errorf("check %s: got %+v", test.profile, r)
		}
		r = run(t, "check", test.profile, "--json")
		if r.code != test.code || r.stderr != "" || codes(t, r) != test.codes {
			t.Errorf("check %s --json: got %+v", test.profile, r)
		}
	}
}

// TestCheckForms holds the forms of check for programs, and what --strict changes.
func TestCheckForms(t *testing.T) {
	const until = goodProfile + "[services.fair]\nports = [\"tcp/8080\"]\nexpires = 2027-01-31\n"
	enter(t, map[string]string{"doubtful.toml": doubtfulProfile, "good.toml": goodProfile, "until.toml": until})
	for _, test := range []struct {
		args []string
		code int
		out  string
	}{
		{[]string{"until.toml", "--strict", "--today", "2027-01-31"}, 0, "until.toml: OK\n"},
		{[]string{"until.toml", "--today", "2027-02-01"}, 0, "until.toml: OK\n"},
		{[]string{"until.toml", "--strict", "--today", "2027-02-01"}, 1, ""},
		{[]string{"until.toml", "--today", "2027-01-02", "--format", "json"}, 0, `"code": "expires-soon"`},
		{[]string{"until.toml", "--strict", "--today", "2027-01-31", "--format", "junit"}, 0, `failures="0"`},
		{[]string{"until.toml", "--strict", "--today", "2027-02-01", "--format", "junit"}, 1, `failures="1"`},
		{[]string{"doubtful.toml"}, 0, "doubtful.toml: OK\n"},
		{[]string{"doubtful.toml", "--strict"}, 1, ""},
		{[]string{"good.toml", "--strict"}, 0, "good.toml: OK\n"},
		{[]string{"doubtful.toml", "--format", "json"}, 0, `"code": "no-effect"`},
		{[]string{"doubtful.toml", "--format", "sarif"}, 0, `"ruleId": "no-effect"`},
		{[]string{"doubtful.toml", "--format", "sarif", "--strict"}, 1, `"level": "warning"`},
		{[]string{"doubtful.toml", "--format", "junit"}, 0, `failures="0"`},
		{[]string{"doubtful.toml", "--format", "junit", "--strict"}, 1, `failures="1"`},
		{[]string{"good.toml", "--format", "sarif", "--strict"}, 0, `"results": []`},
	} {
		if r := run(t, append([]string{"check"}, test.args...)...); r.code != test.code || !strings.Contains(r.stdout, test.out) || test.out == "" && r.stdout != "" {
			t.Errorf("check %v: got %+v", test.args, r)
		}
	}
	if r := run(t, "check", "good.toml", "--format", "xml"); r.code != 1 || !strings.Contains(r.stderr, "must be one of text, json, sarif, junit") {
		t.Errorf("another form: got %+v", r)
	}
}

// codes returns the codes of a report in JSON, whose counts must be right.
func codes(t *testing.T, r result) string {
	t.Helper()
	var view struct {
		Diagnostics []struct{ Code, Severity, File string }
		Errors      int
		Warnings    int
	}
	if err := json.Unmarshal([]byte(r.stdout), &view); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	var all []string
	for _, d := range view.Diagnostics {
		all = append(all, d.Code)
		view.Errors -= strings.Count(d.Severity, "error")
		view.Warnings -= strings.Count(d.Severity, "warning")
	}
	if view.Errors != 0 || view.Warnings != 0 || view.Diagnostics == nil {
		t.Errorf("the counts are wrong, or the list is null: %s", r.stdout)
	}
	return strings.Join(all, " ")
}

// TestCompileCheck shows what a CI sees of a reviewed bundle.
func TestCompileCheck(t *testing.T) {
	enter(t, map[string]string{"a.toml": goodProfile})
	run(t, "compile", "a.toml", "-o", "out")
	check := func() result { return run(t, "compile", "a.toml", "--check", "out") }
	if r := check(); r.code != 0 || r.stdout != "" || r.stderr != "" {
		t.Errorf("equal: got %+v", r)
	}
	text, err := os.ReadFile("out/rules.v4")
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile("out/rules.v4", []byte(strings.Replace(string(text), "--dport 80 ", "--dport 81 ", 1)), 0o644)
	r := check()
	for _, want := range []string{
		"IPv4, to this host: newly accepted\n  tcp/80 from everyone", "IPv4, to this host: no longer accepted\n  tcp/81 from everyone",
		"    before:  ACCEPT, rule ", "a.toml:", "\n\n--- a/rules.v4\n+++ b/rules.v4\n@@ -",
		"\n--A HARDENCTL-INPUT -p tcp -m tcp --dport 81 -m comment --comment \"services.web\" -j ACCEPT\n" +
			"+-A HARDENCTL-INPUT -p tcp -m tcp --dport 80 -m comment --comment \"services.web\" -j ACCEPT\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("different: %s\nshould hold %s", r.stdout, want)
		}
	}
	if r.code != 1 || r.stderr != "hardenctl: the bundle in out differs from the profile's bundle\n" {
		t.Errorf("different: got code %d and %s", r.code, r.stderr)
	}
	os.WriteFile("out/rules.v4", []byte("-A INPUT\n"), 0o644)
	if r := check(); r.code != 1 || !strings.HasPrefix(r.stdout, "The meaning of the difference is not worked out: out/rules.v4: line 1") {
		t.Errorf("broken: got %+v", r)
	}
	os.WriteFile("out/rules.v4", text, 0o644)
	os.WriteFile("out/sysctl.conf", nil, 0o644)
	if r := check(); r.code != 1 || !strings.HasPrefix(r.stdout, answer.Same+"\n\n--- a/sysctl.conf\n") {
		t.Errorf("other settings: got %+v", r)
	}
	run(t, "compile", "a.toml", "-o", "out")
	os.Remove("out/rules.v4")
	if r := check(); r.code != 1 || !strings.HasPrefix(r.stdout, "--- /dev/null\n+++ b/rules.v4\n@@ -0,0 +1,") {
		t.Errorf("missing: got %+v", r)
	}
	if exists("out/rules.v4") {
		t.Error("--check wrote")
	}
}

// TestAllow shows that other folders are read when the command line allows it,
// and only then.
func TestCompileCheckJSON(t *testing.T) {
	enter(t, map[string]string{"a.toml": goodProfile})
	run(t, "compile", "a.toml", "-o", "out")
	if r := run(t, "compile", "a.toml", "--check", "out", "--json"); r.code != 0 || r.stdout != "{\n  \"equal\": true,\n  \"diff\": \"\"\n}\n" {
		t.Errorf("equal: %+v", r)
	}
	if err := os.Remove("out/rules.v6"); err != nil {
		t.Fatal(err)
	}
	var got comparison
	r := run(t, "compile", "a.toml", "--check", "out", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.code != 1 || got.Equal || !strings.Contains(got.Diff, "+++ b/rules.v6") {
		t.Errorf("different: %v, %+v", err, r)
	}
}

func TestAllow(t *testing.T) {
	enter(t, map[string]string{"site/common.toml": goodProfile})
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	os.Mkdir("host", 0o755)
	os.WriteFile("host/a.toml", []byte("version = 1\ninclude = [\""+dir+"/site/common.toml\"]\n"), 0o644)
	if r := run(t, "check", "host/a.toml"); r.code != 1 || !strings.Contains(r.stderr, "lies outside the profile's folder") {
		t.Errorf("not allowed: got %+v", r)
	}
	os.Symlink("site", "link")
	for _, name := range []string{dir + "/site/common.toml", dir + "/host/../site/common.toml", "../site/common.toml", "./../host/../site/common.toml"} {
		os.WriteFile("host/a.toml", []byte("version = 1\ninclude = [\""+name+"\"]\n"), 0o644)
		for _, folder := range []string{"site", dir, "./site/", "link", "host/../site"} {
			if r := run(t, "check", "host/a.toml", "--allow", folder); r.code != 0 {
				t.Errorf("%s, --allow %s: got %+v", name, folder, r)
			}
		}
		if r := run(t, "check", "host/a.toml", "--allow", "host"); r.code != 1 || !strings.Contains(r.stderr, "lies outside the profile's folder") {
			t.Errorf("%s, another folder allowed: got %+v", name, r)
		}
	}
	os.WriteFile("host/a.toml", []byte("version = 1\ninclude = [\"../host/b.toml\", \"../b.toml\"]\n"), 0o644)
	os.WriteFile("host/b.toml", []byte("version = 1\ninclude = [\"builtin:base\"]\n"), 0o644)
	if r := run(t, "check", "host/a.toml"); r.code != 1 || strings.Contains(r.stderr, `"../host/b.toml" lies`) || !strings.Contains(r.stderr, `"../b.toml" lies outside`) {
		t.Errorf("up and back: got %+v", r)
	}
}

func TestProfiles(t *testing.T) {
	if r := run(t, "profiles"); r.code != 0 || !strings.Contains(r.stdout, "builtin:web           Public web server\n") {
		t.Errorf("got %+v", r)
	}
	for _, name := range []string{"web", "builtin:web"} {
		if r := run(t, "profiles", name); r.code != 0 || !strings.HasPrefix(r.stdout, "# A public web server") {
			t.Errorf("got %+v", r)
		}
	}
}

// A profile that the user names by a link is the file behind it, with the
// folder there; a link that a profile leads to is not followed out.
func TestLinkedProfile(t *testing.T) {
	enter(t, map[string]string{"real/a.toml": "version = 1\ninclude = [\"b.toml\"]\n", "real/b.toml": "services.web.ports = [\"tcp/80\"]\n"})
	if err := os.Symlink("real/a.toml", "link.toml"); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "check", "link.toml"); r.code != 0 || r.stdout != "real/a.toml: OK\n" {
		t.Errorf("got %+v", r)
	}
	if err := os.Rename("real/b.toml", "c.toml"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../c.toml", "real/b.toml"); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "check", "link.toml"); r.code != 1 {
		t.Errorf("a link led out of the folder: %+v", r)
	}
}

func TestProfilesJSON(t *testing.T) {
	r := run(t, "profiles", "--json")
	var list []builtin
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || len(list) < 6 || list[0].Name != "builtin:base" || list[0].Description == "" {
		t.Errorf("%v: %+v", err, r)
	}
}
