package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// head begins the profiles below; what they say begins in line 2.
const head = "version = 1\n"

// badProfile is an input that compiles to nothing, with every line that says so.
type badProfile struct {
	name, text string
	want       []string // "place: error: …", and the notes and help that must be below
}

var badProfiles = []badProfile{
	{"unknown key", "[services.ssh]\nports = [\"tcp/22\"]\nadmn = true",
		[]string{"a.toml:4:1: error: services.ssh.admn: unknown key", `help: did you mean "admin"?`}},
	{"unknown table", "[service.ssh]\nports = [\"tcp/22\"]",
		[]string{"a.toml:2:2: error: service: unknown table", `help: did you mean "services"?`}},
	{"wrong type", "[policy]\nipv6 = \"yes\"", []string{`a.toml:3:8: error: policy.ipv6: must be true or false, not the text "yes"`}},
	{"port 70000", `services.a.ports = ["tcp/22", "tcp/70000"]`,
		[]string{`a.toml:2:31: error: services.a.ports: "tcp/70000" is not a port (1-65535)`}},
	{"a set name of 40 characters", "sets." + strings.Repeat("a", 40) + `.addresses = ["192.0.2.1"]`,
		[]string{"a.toml:2:6: error: sets.aaaa", "is not a name for a set", "help: use at most 28 of a-z, 0-9 and -"}},
	{"a log prefix of 22", `log.prefix = "` + strings.Repeat("a", 22) + `"`, []string{"a.toml:2:14: error: log.prefix: ", "21"}},
	{"missing include", `include = ["gone.toml"]`, []string{`a.toml:2:12: error: include: there is no profile "gone.toml"`}},
	{"missing list", `sets.a.files = ["gone.txt"]`, []string{`a.toml:2:17: error: sets.a.files: there is no list "gone.txt"`}},
	{"empty crawler list", "[sets.a]\nfiles = [\"crawlers.json\"]\nmin_entries = 20",
		[]string{`a.toml:3:10: error: sets.a.files: list "crawlers.json" holds no address`}},
	{"collapsed crawler list", "[sets.a]\nfiles = [\"one.json\"]\nmin_entries = 20",
		[]string{"a.toml:4:15: error: sets.a: the set has 1 entries, and min_entries is 20"}},
	{"everything at once", "[polcy]\n[services.a]\nports = [\"tcp/0\"]\n[scan]\nprobes = -1\n[kernel]\ndefault_ttl = 900",
		[]string{"a.toml:2:2: error: polcy", "a.toml:4:10: error: services.a.ports", "a.toml:6:10: error: scan.probes", "a.toml:8:15: error: kernel.default_ttl"}},
	{"a key that writes to the terminal", "\"\\u001b[2J\" = 1", []string{"a.toml:2:1: error: "}},
}

// TestBadProfiles holds that bad input ends in a diagnostic at its place, exit
// code 1, and nothing written.
func TestBadProfiles(t *testing.T) { refused(t, badProfiles) }

// refused compiles bad profiles, each beside the same lists and traps.
func refused(t *testing.T, profiles []badProfile) {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("root:secret:words\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range profiles {
		t.Run(test.name, func(t *testing.T) {
			enter(t, map[string]string{
				"a.toml":        head + test.text,
				"b.toml":        head + `include = ["a.toml"]`,
				"octal.txt":     "192.0.2.1\n010.1.1.1\n",
				"all.txt":       "0.0.0.0/0\n",
				"halves.txt":    "0.0.0.0/1\n128.0.0.0/1\n",
				"host.txt":      "example.com\n",
				"mapped.txt":    "::ffff:0:0/96\n",
				"crawlers.json": `{"creationTime": "2026-01-01", "prefixes": []}`,
				"one.json":      `{"prefixes": [{"ipv4Prefix": "192.0.2.0/24"}]}`,
				"folder/x":      "",
			})
			if err := syscall.Mkfifo("fifo", 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(secret, "link"); err != nil {
				t.Fatal(err)
			}
			device(t, "device")
			checkBad(t, run(t, "compile", "a.toml", "-o", "out"), test.want)
		})
	}
}

func checkBad(t *testing.T, r result, want []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("missing: %s", w)
		}
	}
	errors := strings.Count(r.stderr, ": error: ")
	for _, w := range want {
		errors -= strings.Count(w, ": error: ")
	}
	if errors != 0 {
		t.Errorf("%d diagnostics more than expected", errors)
	}
	if r.code != 1 || r.stdout != "" || exists("out") {
		t.Errorf("exit code %d, standard output %q, files written: %v", r.code, r.stdout, exists("out"))
	}
	if strings.ContainsAny(r.stderr, "\x1b\x00") || strings.Contains(r.stderr, "secret:words") {
		t.Error("the message carries what it must not")
	}
	if t.Failed() {
		t.Logf("it said:\n%.2000s", r.stderr)
	}
}

// TestBadArguments holds the same for what is around a profile.
func TestBadArguments(t *testing.T) {
	good := map[string]string{"a.toml": head, "file": ""}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"compile", "a.toml"}, "missing flag: add --output or --check"},
		{[]string{"compile", "a.toml", "-o", "out", "--check", "out"}, "--check and --output cannot be used together: remove one"},
		{[]string{"compile", "gone.toml", "-o", "out"}, `there is no profile "gone.toml"`},
		{[]string{"compile", "gone/a.toml", "-o", "out"}, "no profile gone/a.toml: its folder does not exist"},
		{[]string{"compile", "./", "-o", "out"}, `"./" is not a file name; name the profile's file`},
		{[]string{"compile", ".", "-o", "out"}, `profile "." is not a regular file`},
		{[]string{"compile", "", "-o", "out"}, `"" is not a file name`},
		{[]string{"compile", "builtin:gone", "-o", "out"}, `there is no profile "builtin:gone"`},
		{[]string{"compile", "builtin:../web", "-o", "out"}, `there is no profile "builtin:../web"`},
		{[]string{"compile", "a.toml", "b.toml", "-o", "out"}, "expected at most 1 argument(s), got 2"},
		{[]string{"compile", "a.toml", "-o", "file"}, "file is a file, not a folder"},
		{[]string{"compile", "a.toml", "--check", "file"}, "file is a file, not the folder of a bundle"},
		{[]string{"compile", "a.toml", "--check", "gone"}, "no folder gone to compare with"},
		{[]string{"compile", "a.toml", "--allow", "gone", "-o", "out"}, `"--allow" flag: there is no folder "gone"`},
		{[]string{"apply", "gone.toml", "--allow", "gone"}, `"--allow" flag: there is no folder "gone"`},
		{[]string{"check", "--fast"}, "unknown flag: --fast; `hardenctl check --help` lists the flags"},
		{[]string{"chekc"}, `unknown command "chekc"`},
		{[]string{"profiles", "gone"}, `no built-in profile "gone"; the built-in profiles are base, bastion, `},
		{[]string{"apply", "a.toml", "--plan", "x"}, "name a profile or a saved plan, not both"},
		{[]string{"apply", "gone.toml", "--not-an-admin", "alice"}, `invalid argument "alice" for "--not-an-admin" flag: "alice" is not an address or a network, such as 203.0.113.66`},
		{[]string{"rollback", "7", "--not-an-admin", "192.0.2.1,"}, `flag: "" is not an address or a network`},
		{[]string{"plan", "gone.toml", "--not-an-admin", "192.0.2.1/33"}, `flag: "192.0.2.1/33" is not an address`},
		{[]string{"rollback", "first", "--auto-approve"}, "\"first\" is not a generation number; `hardenctl history` lists them"},
		{[]string{"rollback", "-1"}, "unknown shorthand flag"},
		{[]string{"rollback", ""}, `"" is not a generation number`},
		{[]string{"apply", "gone.toml", "--confirm-within", "-1s"}, `invalid argument "-1s" for "--confirm-within" flag: must be from`},
		{[]string{"knock", "gone.invalid", "--profile", "gone.toml", "--delay", "-1s"}, `"--delay" flag: must be at least 100ms`},
		{[]string{"knock", "gone.invalid", "--ports", "foo"}, `--ports: "foo" is not a port`},
		{[]string{"plan", "gone.toml", "-o", "gone/web.plan"}, "--output gone/web.plan: cannot write there: "},
	} {
		t.Run(fmt.Sprint(test.args), func(t *testing.T) {
			enter(t, good)
			r := run(t, test.args...)
			skipWithoutRoot(t, r.stderr)
			if r.code != 1 || !strings.Contains(r.stderr, test.want) || exists("out") {
				t.Errorf("exit code %d, written: %v; it said %q, which should hold %q", r.code, exists("out"), r.stderr, test.want)
			}
		})
	}
}

// TestApplyNothing holds that apply has nothing to apply of a bad profile. It
// goes no further than loading, as root or not.
func TestApplyNothing(t *testing.T) {
	enter(t, map[string]string{"a.toml": head + "services.a.ports = [\"tcp/70000\"]", "saved.plan": "{}"})
	cmd := newApply()
	cmd.SetErr(io.Discard)
	for _, profile := range []string{"a.toml", "gone.toml"} {
		if got, err := loadProfile(cmd, []string{profile}, nil, false, true); got.Bundle != nil || err == nil {
			t.Errorf("%s: got a bundle %v, error %v", profile, got.Bundle, err)
		}
	}
	for _, plan := range []string{"saved.plan", "gone.plan"} {
		if got, err := loadSaved(plan); got.Bundle != nil || err == nil {
			t.Errorf("%s: got a bundle %v, error %v", plan, got.Bundle, err)
		}
	}
}

// skipWithoutRoot skips what asks the host first, and this user may not.
func skipWithoutRoot(t *testing.T, said string) {
	t.Helper()
	if os.Geteuid() != 0 && strings.Contains(said, "as root") {
		t.Skip("needs root")
	}
}
