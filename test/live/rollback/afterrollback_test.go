package rollback

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/savedplan"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// After a rollback the profile on disk is still the one that was undone. The
// apply of cron, of Ansible or from a plan that was saved before is refused, with
// who rolled back and when, until a user accepts.
func TestApplyAfterRollback(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	t.Setenv("SUDO_USER", "alice")
	unasked := []string{"--auto-approve", "--no-guard", "--confirm-within", "0"}
	good, bad := webserver.Variant(t), webserver.Variant(t, `"tcp/80"`, `"tcp/8443"`)
	apply := func(code int, more ...string) string {
		t.Helper()
		return run.Expect(t, code, append(append([]string{"apply"}, unasked...), more...)...)
	}
	apply(0, good)
	plan := savedplan.Save(t, bad)
	apply(0, bad)
	text, err := os.ReadFile(bad)
	require.NoError(t, err)

	said := run.Expect(t, 0, append([]string{"rollback"}, unasked...)...)
	require.Contains(t, said, "The profile on disk did not change.", "--after-rollback 3", "/var/lib/hardenctl/generations/3/sources")
	if now, err := os.ReadFile(bad); err != nil || string(now) != string(text) {
		t.Errorf("the rollback has changed the profile: %v", err)
	}
	back := stage.TakePicture(t)
	story := []string{"a rollback to generation 1, by alice at 20", "--after-rollback 3"}
	for _, args := range [][]string{{bad}, {bad, "--json"}, {"--plan", plan}, {bad, "--after-rollback", "1"}} {
		require.Contains(t, apply(1, args...), append(story, "Nothing was changed")...)
		stage.TakePicture(t).Is(t, back)
	}
	require.Contains(t, apply(1, bad, "--after-rollback", "1"), "--after-rollback 1 is wrong: this rollback has the number 3.")
	require.Contains(t, run.Expect(t, 0, "plan", bad), append(story, "is refused")...)

	// A person answers on a terminal, or names the rollback.
	require.Contains(t, typesAnswer(t, 1, "no", bad+" --no-guard"), story...)
	stage.TakePicture(t).Is(t, back)
	require.Contains(t, typesAnswer(t, 0, "yes", bad+" --no-guard"), append(story, "Applied.", "generation 4")...)
	run.Expect(t, 0, append([]string{"rollback"}, unasked...)...) // undoes that, and is refused by nothing
	apply(1, bad, "--after-rollback", "3")                        // which a script has kept
	apply(0, bad, "--after-rollback", "5")

	// So does who has fixed the profile, though there is nothing to apply.
	run.ExpectAs(t, run.Applying, 0, "rollback", "--auto-approve", "--no-guard", "--confirm-within", "5m")
	require.Contains(t, run.ExpectAs(t, run.Confirming, 0, "confirm"), "The profile on disk did not change.", "--after-rollback 7")
	require.Contains(t, apply(0, good), "--after-rollback 7")
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
	cmd := exec.Command("script", "-qec", "exec "+run.Binary(t)+" apply "+args+" --confirm-within 0", "/dev/null")
	cmd.Env, cmd.Stdin = append(os.Environ(), run.Applying), strings.NewReader(answer+"\n")
	out, got := run.Outcome(t, cmd)
	if got != code {
		t.Errorf("exit %d, want %d:\n%s", got, code, out)
	}
	return out
}

// A profile whose trial was not confirmed is on disk still. The
// apply of cron, for good and without a user, is refused until it is fixed or
// was confirmed; on trial it can be tried again.
func TestUnconfirmedProfile(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	folder := t.TempDir()
	path := filepath.Join(folder, "profile.toml")
	profile := func(more string) {
		t.Helper()
		require.NoError(t, os.WriteFile(path, []byte("version = 1\ninclude = [\"builtin:web\"]\n[access]\nadmin = [\"192.0.2.7\"]\n"+more), 0o600))
	}
	apply := func(code int, within string) string {
		t.Helper()
		return run.ExpectAs(t, run.Applying, code, "apply", path, "--auto-approve", "--confirm-within", within)
	}
	profile("")
	apply(0, "0")
	profile("[services.ssh]\nports = [\"tcp/22\"]\nnew_per_source = \"5 in 60s\"\n")
	apply(0, "5m")
	require.Contains(t, run.ExpectAs(t, run.Applying, 0, "revert"), "The profile on disk did not change")
	old := stage.TakePicture(t)
	require.Contains(t, apply(1, "0"), "this profile was on trial, by ", "from 192.0.2.7 at 20", "and was not confirmed", "Nothing was changed", "--confirm-within 60s")
	profile("# made by a template at 03:00\n[services.ssh]\nports = [ 'tcp/22' ]\nnew_per_source = \"5 in 60s\"\n")
	require.Contains(t, apply(1, "0"), "this profile was on trial, by ")
	stage.TakePicture(t).Is(t, old)
	const noted = "An apply without a trial (--auto-approve --confirm-within 0) is refused"
	require.Contains(t, run.ExpectAs(t, run.Applying, 0, "plan", path), "this profile was on trial, by ", noted)
	if notes := strings.Join(run.Planned(t, path).Notes, "\n"); !strings.Contains(notes, noted) {
		t.Errorf("the JSON of the plan has the notes %q", notes)
	}
	require.Contains(t, typesAnswer(t, 1, "no", path), "Type \"yes\" to apply: ")
	apply(0, "5m")
	run.ExpectAs(t, run.Confirming, 0, "confirm")
	run.Tool(t, "iptables -F HARDENCTL-INPUT") // so that there is something to do
	if said := run.ExpectAs(t, run.Applying, 0, "plan", path); strings.Contains(said, noted) {
		t.Errorf("the trial was confirmed, and the plan says:\n%s", said)
	}
	apply(0, "0")

	profile("[services.ssh]\nports = [\"tcp/22\"]\nnew_per_source = \"6 in 60s\"\n")
	apply(0, "5m")
	run.ExpectAs(t, run.Applying, 0, "revert")
	run.ExpectAs(t, run.Applying, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
}
