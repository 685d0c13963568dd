package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/lock"
)

// kinds are files of each kind of ours, by name. The bundle is a folder.
func kinds(t *testing.T) {
	t.Helper()
	enter(t, map[string]string{
		"web.toml":     head + "include = [\"builtin:web\"]\n",
		"saved":        `{"format": 1, "checksum": "", "fingerprint": "", "plan": {}, "manifest": {}, "files": []}`,
		"shown.json":   `{"format": 1, "changes": [], "untouched": []}`,
		"journal.json": `{"format": 2, "phase": "trial", "deadline": 1}`,
		"record.json":  `{"format": 1, "when": "", "command": []}`,
		"list.txt":     "# the office\n192.0.2.0/24\n",
		"list.json":    `{"prefixes": [{"ipv4Prefix": "192.0.2.0/24"}]}`,
		"notes":        "hello\n",
		"rules.v4":     "*filter\n:INPUT DROP [0:0]\nCOMMIT\n",
	})
	if r := run(t, "compile", "web.toml", "-o", "bundle"); r.code != 0 {
		t.Fatal(r.stderr)
	}
}

// A file of ours in the place of one of another kind is named as what it is, with
// what to do, in one message; no file is lost.
func TestOtherKind(t *testing.T) {
	asProfile := map[string]string{
		"saved":                "\"saved\" is a saved plan, not a profile\n  help: hardenctl apply --plan FILE applies a saved plan",
		"shown.json":           `"shown.json" is the JSON output of plan or apply, not a profile`,
		"journal.json":         `"journal.json" is the journal of an apply, not a profile`,
		"record.json":          `"record.json" is the record of a generation, not a profile`,
		"list.txt":             "\"list.txt\" is a list of addresses, not a profile\n  help: name it in a set of a profile: [sets.NAME] files = [\"list.txt\"]",
		"list.json":            `"list.json" is a list of addresses, not a profile`,
		"rules.v4":             `"rules.v4" is a rules file of iptables-restore, not a profile`,
		"bundle":               "bundle is the folder of a bundle, not a profile; name the profile that the bundle was compiled from",
		"bundle/":              "bundle/ is the folder of a bundle, not a profile",
		"bundle/manifest.json": `"manifest.json" is the manifest of a bundle, not a profile`,
		"bundle/ipsets":        `"ipsets" is a file of ipset restore, not a profile`,
	}
	var tests []otherKind
	for file, want := range asProfile {
		tests = append(tests,
			otherKind{[]string{"check", file}, want},
			otherKind{[]string{"compile", file, "-o", "out"}, want},
			otherKind{[]string{"plan", file}, want},
			otherKind{[]string{"knock", "192.0.2.1", "--profile", file}, want})
	}
	tests = append(tests,
		otherKind{[]string{"plan", "web.toml", "-o", "notes"}, "--output notes: this file exists and is not a saved plan; name another file"},
		otherKind{[]string{"apply", "--plan", "missing"}, "missing: no such file; save a plan first: hardenctl plan -o missing"},
		otherKind{[]string{"compile", "web.toml", "--check", "web.toml"}, "web.toml is a profile, not the folder of a bundle; name the folder that compile -o wrote"},
		otherKind{[]string{"compile", "web.toml", "--check", "bundle/manifest.json"}, "bundle/manifest.json is the manifest of a bundle, not the folder of a bundle"},
		otherKind{[]string{"compile", "web.toml", "--check", "saved"}, "saved is a saved plan, not the folder of a bundle"},
		otherKind{[]string{"compile", "web.toml", "-o", "list.txt"}, "list.txt is a list of addresses, not a folder; name a folder for the bundle"},
		otherKind{[]string{"check", "web.toml", "--allow", "list.txt"}, `"--allow" flag: there is no folder "list.txt"`},
		otherKind{[]string{"plan", "web.toml", "-o", "web.toml"}, "--output web.toml: this file exists and is a profile; name another file"},
		otherKind{[]string{"plan", "web.toml", "-o", "list.txt"}, "--output list.txt: this file exists and is a list of addresses"})
	for _, test := range tests {
		test.run(t)
	}
	kinds(t)
	if err := checkPage("web.toml"); err == nil || !strings.Contains(err.Error(), "--html web.toml: this file exists and is a profile") {
		t.Errorf("verify --html over a profile: %v", err)
	}
}

type otherKind struct {
	args []string
	want string
}

func (test otherKind) run(t *testing.T) {
	t.Run(fmt.Sprint(test.args), func(t *testing.T) {
		kinds(t)
		before := texts(t)
		r := run(t, test.args...)
		said := r.stderr
		skipWithoutRoot(t, said)
		if r.code != 1 || r.stdout != "" || !holds(said, test.want) || strings.Count(said, "error: ") > 1 || strings.Count(said, "\n") > 6 {
			t.Errorf("exit code %d, standard output %q; it said\n%s\nwhich should hold\n%s", r.code, r.stdout, said, test.want)
		}
		if now := texts(t); now != before {
			t.Errorf("files have changed:\n%s", now)
		}
	})
}

// holds reports whether a text has each line of what is wanted, in whatever place.
func holds(text, want string) bool {
	for line := range strings.Lines(want) {
		if !strings.Contains(text, strings.TrimSpace(line)) {
			return false
		}
	}
	return true
}

// texts are the names and texts of all files here.
func texts(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	files, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, _ := os.ReadFile(file) // of a folder, the name
		fmt.Fprintf(&all, "%s: %s\n", file, text)
	}
	return all.String()
}

// A saved plan is read before the lock is waited for.
func TestSavedPlanNeedsNoLock(t *testing.T) {
	enter(t, map[string]string{"run/keep": ""})
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	real := local.Host
	local.Host = host.Under(root)
	defer func() { local.Host = real }()
	release, err := lock.Under(root).Take(t.Context(), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	want := "missing: no such file; save a plan first"
	if os.Geteuid() != 0 {
		want = host.ErrNotRoot.Error()
	}
	if r := run(t, "apply", "--plan", "missing", "--lock-timeout", "1ms"); r.code != 1 || !strings.Contains(r.stderr, want) {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

// What is not a saved plan is named, with where a saved plan comes from. It goes no
// further than loading, as root or not.
func TestNoSavedPlan(t *testing.T) {
	kinds(t)
	for _, test := range []struct{ file, want string }{
		{"web.toml", "web.toml is a profile, not a saved plan; apply it without --plan: hardenctl apply web.toml"},
		{"shown.json", "shown.json is the JSON output of plan or apply, not a saved plan; save a plan with hardenctl plan PROFILE -o FILE"},
		{"bundle", "bundle is a folder, not a saved plan; save a plan"},
		{"bundle/manifest.json", "bundle/manifest.json is the manifest of a bundle, not a saved plan"},
		{"journal.json", "journal.json is the journal of an apply, not a saved plan"},
		{"list.txt", "list.txt is a list of addresses, not a saved plan"},
		{"rules.v4", "rules.v4 is a rules file of iptables-restore, not a saved plan"},
	} {
		if _, err := host.LoadPlan(test.file); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.file, err)
		}
	}
}

// A set that names a file of another kind, or a list whose name says the other
// format, gets one message.
func TestOtherKindInProfile(t *testing.T) {
	for text, want := range map[string]string{
		`sets.a.files = ["web.toml"]`:             "a.toml:2:17: error: sets.a.files: \"web.toml\" is a profile, not a list of addresses\n",
		`sets.a.files = ["saved"]`:                `a.toml:2:17: error: sets.a.files: "saved" is a saved plan, not a list of addresses`,
		`sets.a.files = ["bundle/manifest.json"]`: `"bundle/manifest.json" is the manifest of a bundle, not a list of addresses`,
		`sets.a.files = ["rules.v4"]`:             `"rules.v4" is a rules file of iptables-restore, not a list of addresses`,
		`sets.a.files = ["prefixes"]`:             `"prefixes" is a JSON list`,
		`sets.a.files = ["text.json"]`:            `"text.json" is a list in text, not JSON`,
		`include = ["list.txt"]`:                  `a.toml:2:12: error: include: "list.txt" is a list of addresses, not a profile`,
		`include = ["saved"]`:                     `a.toml:2:12: error: include: "saved" is a saved plan, not a profile`,
		`include = ["bundle"]`:                    `a.toml:2:12: error: include: profile "bundle" is not a regular file`,
	} {
		kinds(t)
		for name, body := range map[string]string{"a.toml": head + text, "prefixes": `{"prefixes": [{"ipv4Prefix": "192.0.2.0/24"}]}`, "text.json": "192.0.2.1\n"} {
			if err := os.WriteFile(name, []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r := run(t, "check", "a.toml")
		if r.code != 1 || !strings.Contains(r.stderr, want) || strings.Count(r.stderr, "error: ") != 1 {
			t.Errorf("%s: it said\n%s\nwhich should hold\n%s", text, r.stderr, want)
		}
	}
}

// With --json an error leaves JSON on standard output, or nothing, and the exit code
// is not 0. Of the commands that change the host, the command line alone is wrong
// here; test/live/apply/jsonerror_test.go has the rest.
func TestJSONOfErrors(t *testing.T) {
	var args [][]string
	for _, cmd := range newRoot().Commands() {
		if cmd.Flags().Lookup("json") == nil {
			continue
		}
		name := cmd.Name()
		args = append(args, []string{name, "--json", "--fast"}, []string{name, "--json", "a", "b", "c"})
	}
	for _, profile := range []string{"bad.toml", "gone.toml", "gone/a.toml", "saved", "bundle", "list.txt"} {
		args = append(args, []string{"check", "--json", profile}, []string{"compile", "--json", profile, "-o", "out"},
			[]string{"compile", "--json", profile, "--check", "bundle"}, []string{"plan", "--json", profile})
	}
	args = append(args, []string{"compile", "--json", "web.toml", "--check", "gone"}, []string{"compile", "--json", "web.toml", "--check", "saved"},
		[]string{"compile", "--json", "web.toml"}, []string{"plan", "--json", "web.toml", "-o", "list.txt"},
		[]string{"apply", "--json", "--plan", ""}, []string{"apply", "--json", "--plan", "saved", "web.toml"})
	for _, args := range args {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			kinds(t)
			if err := os.WriteFile("bad.toml", []byte(head+"services.a.ports = [\"tcp/70000\"]"), 0o644); err != nil {
				t.Fatal(err)
			}
			r := run(t, args...)
			if r.code == 0 || r.stdout != "" && !json.Valid([]byte(r.stdout)) {
				t.Errorf("exit code %d, standard output %q, standard error %q", r.code, r.stdout, r.stderr)
			}
			if r.stdout == "" && r.stderr == "" {
				t.Error("it says nothing")
			}
		})
	}
}
