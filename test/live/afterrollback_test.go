package live

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// afterRollback are the arguments by which an apply goes on after a rollback;
// none if the last change was no rollback.
func afterRollback() []string {
	live, ok := ourGenerations.LastRollback()
	if !ok {
		return nil
	}
	return []string{"--after-rollback", strconv.Itoa(live.Number)}
}

// After a rollback the profile on disk is still the one that was undone. The
// apply of cron, of Ansible or from a plan that was saved before is refused, with
// who rolled back and when, until a user accepts.
func TestApplyAfterRollback(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	t.Setenv("SUDO_USER", "alice")
	unasked := []string{"--auto-approve", "--no-guard", "--confirm-within", "0"}
	good, bad := variant(t), variant(t, `"tcp/80"`, `"tcp/8443"`)
	apply := func(code int, more ...string) string {
		t.Helper()
		return expect(t, code, append(append([]string{"apply"}, unasked...), more...)...)
	}
	apply(0, good)
	plan := savePlan(t, bad)
	apply(0, bad)
	text, err := os.ReadFile(bad)
	must(t, err)

	said := expect(t, 0, append([]string{"rollback"}, unasked...)...)
	contains(t, said, "The profile on disk did not change.", "--after-rollback 3", "/var/lib/hardenctl/generations/3/sources")
	if now, err := os.ReadFile(bad); err != nil || string(now) != string(text) {
		t.Errorf("the rollback has changed the profile: %v", err)
	}
	back := look(t)
	story := []string{"a rollback to generation 1, by alice at 20", "--after-rollback 3"}
	for _, args := range [][]string{{bad}, {bad, "--json"}, {"--plan", plan}, {bad, "--after-rollback", "1"}} {
		contains(t, apply(1, args...), append(story, "Nothing was changed")...)
		look(t).is(t, back)
	}
	contains(t, apply(1, bad, "--after-rollback", "1"), "--after-rollback 1 is wrong: this rollback has the number 3.")
	contains(t, expect(t, 0, "plan", bad), append(story, "is refused")...)

	// A person answers on a terminal, or names the rollback.
	contains(t, typesAnswer(t, 1, "no", bad+" --no-guard"), story...)
	look(t).is(t, back)
	contains(t, typesAnswer(t, 0, "yes", bad+" --no-guard"), append(story, "Applied.", "generation 4")...)
	expect(t, 0, append([]string{"rollback"}, unasked...)...) // undoes that, and is refused by nothing
	apply(1, bad, "--after-rollback", "3")                    // which a script has kept
	apply(0, bad, "--after-rollback", "5")

	// So does who has fixed the profile, though there is nothing to apply.
	expectAs(t, applying, 0, "rollback", "--auto-approve", "--no-guard", "--confirm-within", "5m")
	contains(t, expectAs(t, confirming, 0, "confirm"), "The profile on disk did not change.", "--after-rollback 7")
	contains(t, apply(0, good), "--after-rollback 7")
	apply(1, bad)
	apply(0, good, "--after-rollback", "7")
	if said := apply(0, good); strings.Contains(said, "rollback") {
		t.Errorf("it still speaks of the rollback:\n%s", said)
	}
	apply(0, bad)
}

// typesAnswer applies on a terminal, over SSH, and types an answer.
func typesAnswer(t *testing.T, code int, answer, args string) string {
	t.Helper()
	cmd := exec.Command("script", "-qec", "exec "+binary(t)+" apply "+args+" --confirm-within 0", "/dev/null")
	cmd.Env, cmd.Stdin = append(os.Environ(), applying), strings.NewReader(answer+"\n")
	out, got := outcome(t, cmd)
	if got != code {
		t.Errorf("exit %d, want %d:\n%s", got, code, out)
	}
	return out
}

// A profile whose trial was not confirmed is on disk still. The
// apply of cron, for good and without a user, is refused until it is fixed or
// was confirmed; on trial it can be tried again.
func TestUnconfirmedProfile(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	folder := t.TempDir()
	path := filepath.Join(folder, "profile.toml")
	profile := func(more string) {
		t.Helper()
		must(t, os.WriteFile(path, []byte("version = 1\ninclude = [\"builtin:web\"]\n[access]\nadmin = [\"192.0.2.7\"]\n"+more), 0o600))
	}
	apply := func(code int, within string) string {
		t.Helper()
		return expectAs(t, applying, code, "apply", path, "--auto-approve", "--confirm-within", within)
	}
	profile("")
	apply(0, "0")
	profile("[services.ssh]\nports = [\"tcp/22\"]\nnew_per_source = \"5 in 60s\"\n")
	apply(0, "5m")
	contains(t, expectAs(t, applying, 0, "revert"), "The profile on disk did not change")
	old := look(t)
	contains(t, apply(1, "0"), "this profile was on trial, by ", "from 192.0.2.7 at 20", "and was not confirmed", "Nothing was changed", "--confirm-within 60s")
	profile("# made by a template at 03:00\n[services.ssh]\nports = [ 'tcp/22' ]\nnew_per_source = \"5 in 60s\"\n")
	contains(t, apply(1, "0"), "this profile was on trial, by ")
	look(t).is(t, old)
	const noted = "An apply without a trial (--auto-approve --confirm-within 0) is refused"
	contains(t, expectAs(t, applying, 0, "plan", path), "this profile was on trial, by ", noted)
	if notes := strings.Join(planned(t, path).Notes, "\n"); !strings.Contains(notes, noted) {
		t.Errorf("the JSON of the plan has the notes %q", notes)
	}
	contains(t, typesAnswer(t, 1, "no", path), "Type \"yes\" to apply: ")
	apply(0, "5m")
	expectAs(t, confirming, 0, "confirm")
	tool(t, "iptables -F HARDENCTL-INPUT") // so that there is something to do
	if said := expectAs(t, applying, 0, "plan", path); strings.Contains(said, noted) {
		t.Errorf("the trial was confirmed, and the plan says:\n%s", said)
	}
	apply(0, "0")

	profile("[services.ssh]\nports = [\"tcp/22\"]\nnew_per_source = \"6 in 60s\"\n")
	apply(0, "5m")
	expectAs(t, applying, 0, "revert")
	expectAs(t, applying, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
}
