package deploy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// In check mode, the play says what it would change, and changes nothing.
func TestCheckModeReportsAndChangesNothing(t *testing.T) {
	freshHost(t)
	before := state(t)
	p := play(t, "--check")
	p.mustSucceed(t)
	p.mustChange(t, 2) // the plan, which shows the apply, and the profile
	p.mustSay(t, "IPv4 INPUT, no longer accepted: every port of tcp but ", "(risky: ", "~ IPv4 policy filter INPUT: ACCEPT -> DROP", "+ file /etc/iptables/rules.v4: ")
	mustBe(t, before)
}

// A run moves the host, and the next one finds nothing to do.
func TestSecondRunChangesNothing(t *testing.T) {
	freshHost(t)
	first := play(t)
	first.mustSucceed(t)
	first.mustChange(t, 2) // the profile and the apply
	first.mustSay(t, "to add, ", "(risky: ")
	output(t, program, "plan", "--detailed-exitcode")

	after := state(t)
	for _, want := range []string{"-A INPUT -j HARDENCTL-INPUT", "/etc/hardenctl/lists/office.txt", "/etc/iptables/rules.v6"} {
		if !strings.Contains(after, want) {
			t.Fatalf("after a run the host lacks %q:\n%s", want, after)
		}
	}
	second := play(t)
	second.mustSucceed(t)
	second.mustChange(t, 0)
	second.mustSay(t, "0 to add, 0 to change, 0 to remove, 0 risky")
	mustBe(t, after)
}

// Check mode finds a change made by hand, and a run corrects it.
func TestDriftIsFoundAndRepaired(t *testing.T) {
	freshHost(t)
	play(t).mustSucceed(t)
	hardened := state(t)

	output(t, "iptables", "-F", "HARDENCTL-DROP-SCAN")
	drifted := state(t)
	check := play(t, "--check")
	check.mustSucceed(t)
	check.mustChange(t, 1)
	check.mustSay(t, "+ IPv4 rule filter HARDENCTL-DROP-SCAN 1: ")
	mustBe(t, drifted)

	repair := play(t)
	repair.mustSucceed(t)
	repair.mustChange(t, 1)
	mustBe(t, hardened)
}

// A profile that is wrong is reported with its place, and goes nowhere.
func TestWrongProfileChangesNothing(t *testing.T) {
	freshHost(t)
	folder := profileFolder(t, "profile.toml", `version = 1
include = ["builtin:server"]
[services.https]
ports = ["tcp/70000"]
`)
	before := state(t)
	p := play(t, "-e", "hardenctl_profile_src="+folder)
	p.mustFail(t)
	p.mustSay(t, "profile.toml:4:", "70000")
	mustBe(t, before)
}

// A profile that was not proven is not installed: the next apply on the host,
// such as one of cron, would take it. The play fails in hardenctl's own words,
// and the folder of the old profile is the same, byte for byte.
func TestUnprovenProfileIsNotInstalled(t *testing.T) {
	freshHost(t)
	if err := errors.Join(os.MkdirAll("/etc/hardenctl", 0o700), os.WriteFile("/etc/hardenctl/site.toml", []byte("version = 1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	output(t, program, "apply", "builtin:server", "--auto-approve", "--no-guard", "--confirm-within", "0")
	before := state(t)
	folder := profileFolder(t, "site.toml", "version = 1\ninclude = [\"builtin:server\", \"more.toml\"]\n[access]\nadmin = [\"192.0.2.0/24\"]\n")
	if err := os.WriteFile(filepath.Join(folder, "more.toml"), []byte("version = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, command, script, says string }{
		{"the apply failed", "apply", "echo the kernel said no, everything was undone >&2; exit 3", "the kernel said no, everything was undone"},
		{"no confirm", "confirm", program + " revert; echo no trial is pending >&2; exit 1", "no trial is pending"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := play(t,
				"-e", "hardenctl_profile_src="+folder,
				"-e", "hardenctl_profile=/etc/hardenctl/site.toml",
				"-e", "hardenctl_binary="+standIn(t, c.command, c.script))
			p.mustFail(t)
			p.mustSay(t, c.says)
			mustBe(t, before)
		})
	}
}

// After a rollback on the host the profile is most likely the one that was taken
// back. The play is refused, until the number of the rollback is given.
func TestRollbackHoldsThePlay(t *testing.T) {
	freshHost(t)
	folder := profileFolder(t, "profile.toml", "version = 1\ninclude = [\"builtin:web\"]\n")
	for _, args := range [][]string{{"apply", "builtin:server"}, {"apply", filepath.Join(folder, "profile.toml")}, {"rollback"}} {
		output(t, program, append(args, "--auto-approve", "--no-guard", "--confirm-within", "0")...)
	}
	before := state(t)
	p := play(t, "-e", "hardenctl_profile_src="+folder)
	p.mustFail(t)
	p.mustSay(t, "a rollback to generation 1, by ", "Nothing was changed", "--after-rollback 3")
	mustBe(t, before)

	admin := filepath.Join(folder, "profile.toml") // without one, no admin source is known
	if err := os.WriteFile(admin, []byte("version = 1\ninclude = [\"builtin:web\"]\n[access]\nadmin = [\"192.0.2.0/24\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p = play(t, "-e", "hardenctl_profile_src="+folder, "-e", "hardenctl_after_rollback=3")
	p.mustSucceed(t)
	p.mustChange(t, 2) // the profile and the apply
}

// standIn is a program that does for one command of hardenctl what a script
// says, and is hardenctl for all others.
func standIn(t *testing.T, command, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hardenctl")
	text := "#!/bin/sh\nif [ \"$1\" = " + command + " ]; then\n" + script + "\nfi\nexec " + program + " \"$@\"\n"
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// profileFolder is a folder with one profile.
func profileFolder(t *testing.T, name, text string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// result is the end of a play.
type result struct {
	out string
	err error
}

// play runs the playbook of this folder against the lab. It also holds every
// run to leaving no folder of its own behind, however it ends.
func play(t *testing.T, args ...string) result {
	t.Helper()
	need(t, "ansible-playbook", "ansible-core")
	home, temporary := t.TempDir(), t.TempDir()
	// The tests are root, and sudo need not be there.
	args = append([]string{"-c", "local", "-i", "localhost,", "-e", "ansible_become=false", "ansible/playbook.yml"}, args...)
	cmd := exec.Command("ansible-playbook", args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+temporary,
		"ANSIBLE_NOCOLOR=1", "ANSIBLE_FORCE_COLOR=0", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if left, _ := filepath.Glob(filepath.Join(temporary, "*.hardenctl")); len(left) > 0 {
		t.Errorf("the play left %q behind", left)
	}
	return result{string(out), err}
}

func (r result) mustSucceed(t *testing.T) {
	t.Helper()
	if r.err != nil {
		t.Fatalf("the play failed: %v\n%s", r.err, r.out)
	}
}

func (r result) mustFail(t *testing.T) {
	t.Helper()
	if r.err == nil {
		t.Fatalf("the play succeeded:\n%s", r.out)
	}
}

// recap is the line of the one host at the end of a play.
var recap = regexp.MustCompile(`(?m)^localhost\s+: .*\bchanged=(\d+)`)

// mustChange ends the test unless so many tasks reported a change.
func (r result) mustChange(t *testing.T, want int) {
	t.Helper()
	found := recap.FindStringSubmatch(r.out)
	if found == nil || found[1] != strconv.Itoa(want) {
		t.Fatalf("the play should have reported changed=%d:\n%s", want, r.out)
	}
}

func (r result) mustSay(t *testing.T, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(r.out, w) {
			t.Fatalf("the play did not say %q:\n%s", w, r.out)
		}
	}
}

// A profile that would lock out who is logged in is not applied; the plan has
// said which one before.
func TestLockoutFailsThePlay(t *testing.T) {
	freshHost(t)
	folder := profileFolder(t, "profile.toml", `version = 1
include = ["builtin:server"]
[access]
block = ["198.51.100.0/24"]
`)
	t.Setenv("SSH_CONNECTION", "198.51.100.7 50000 192.0.2.1 22")
	before := state(t)
	p := play(t, "-e", "hardenctl_profile_src="+folder)
	p.mustFail(t)
	p.mustSay(t, "locked out: 198.51.100.7 (your SSH connection) at tcp/22", "access.block", "Nothing was changed")
	mustBe(t, before)
}
