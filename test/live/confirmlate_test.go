package live

import (
	"encoding/json"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// The token of a trial that is over confirms none that came after it, and a
// confirm that is said again finds nothing to do, and says why.
func TestConfirmOfAnotherTrial(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	one, other := variant(t), variant(t, `"tcp/80"`, `"tcp/8443"`)
	expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
	old, _ := tryOut(t, other, "5m")
	contains(t, expectAs(t, confirming, 0, "revert"), "Reverted.")

	token, _ := tryOut(t, other, "5m")
	during := look(t)
	contains(t, expectAs(t, confirming, 1, "confirm", old), "not the token of the pending trial", "without a token")
	contains(t, expectAs(t, applying, 1, "confirm", token), "open a new SSH session and run `hardenctl confirm` there before")
	look(t).is(t, during)

	var view struct {
		Confirmed  bool
		Generation int
	}
	must(t, json.Unmarshal([]byte(expectAs(t, confirming, 0, "confirm", token, "--json")), &view))
	if !view.Confirmed || view.Generation != 2 {
		t.Errorf("confirmed: %+v", view)
	}
	confirmed := look(t)
	contains(t, expectAs(t, confirming, 1, "confirm", token), "no trial is pending", "hardenctl history")
	contains(t, expectAs(t, confirming, 0, "revert"), "No trial is pending")
	look(t).is(t, confirmed)
}

// The terminal closes in a trial, as when a laptop does or a connection breaks:
// the trial goes on, with a watchdog that was not part of that login, and can be
// confirmed from the next one, which does not know the token.
func TestTerminalClosesInATrial(t *testing.T) {
	bare(t, "nft")
	profile := variant(t)
	a := typeApply(t, profile+" --confirm-within 5m")
	lab.Await(t, "a countdown beside the watchdog", func() bool { return len(running(t)) == 2 })
	must(t, a.cmd.Process.Kill())
	a.cmd.Wait()
	lab.Await(t, "the watchdog alone", func() bool { return len(running(t)) == 1 })
	if e, err := ourJournal.Read(); err != nil || !e.Pending() {
		t.Fatalf("the trial has ended: %+v, %v", e, err)
	}
	contains(t, expectAs(t, confirming, 0, "confirm"), "Confirmed.")
	expect(t, 0, "plan", profile, "--detailed-exitcode")
}
