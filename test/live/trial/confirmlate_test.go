package trial

import (
	"encoding/json"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// The token of a trial that is over confirms none that came after it, and a
// confirm that is said again finds nothing to do, and says why.
func TestConfirmOfAnotherTrial(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	one, other := webserver.Variant(t), webserver.Variant(t, `"tcp/80"`, `"tcp/8443"`)
	run.Expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
	old, _ := trials.TryOut(t, other, "5m")
	require.Contains(t, run.ExpectAs(t, run.Confirming, 0, "revert"), "Reverted.")

	token, _ := trials.TryOut(t, other, "5m")
	during := stage.TakePicture(t)
	require.Contains(t, run.ExpectAs(t, run.Confirming, 1, "confirm", old), "not the token of the pending trial", "without a token")
	require.Contains(t, run.ExpectAs(t, run.Applying, 1, "confirm", token), "open a new SSH session and run `hardenctl confirm` there before")
	stage.TakePicture(t).Is(t, during)

	var view struct {
		Confirmed  bool
		Generation int
	}
	require.NoError(t, json.Unmarshal([]byte(run.ExpectAs(t, run.Confirming, 0, "confirm", token, "--json")), &view))
	if !view.Confirmed || view.Generation != 2 {
		t.Errorf("confirmed: %+v", view)
	}
	confirmed := stage.TakePicture(t)
	require.Contains(t, run.ExpectAs(t, run.Confirming, 1, "confirm", token), "no trial is pending", "hardenctl history")
	require.Contains(t, run.ExpectAs(t, run.Confirming, 0, "revert"), "No trial is pending")
	stage.TakePicture(t).Is(t, confirmed)
}

// The terminal closes in a trial, as when a laptop does or a connection breaks:
// the trial goes on, with a watchdog that was not part of that login, and can be
// confirmed from the next one, which does not know the token.
func TestTerminalClosesInATrial(t *testing.T) {
	stage.Bare(t, "nft")
	profile := webserver.Variant(t)
	a := typeApply(t, profile+" --confirm-within 5m")
	lab.Await(t, "a countdown beside the watchdog", func() bool { return len(run.Running(t)) == 2 })
	require.NoError(t, a.cmd.Process.Kill())
	a.cmd.Wait()
	lab.Await(t, "the watchdog alone", func() bool { return len(run.Running(t)) == 1 })
	if e, err := stage.Journal.Read(); err != nil || !e.Pending() {
		t.Fatalf("the trial has ended: %+v, %v", e, err)
	}
	require.Contains(t, run.ExpectAs(t, run.Confirming, 0, "confirm"), "Confirmed.")
	run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
}
