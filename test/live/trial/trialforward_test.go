package trial

import (
	"net"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/forwarding"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// The policy of FORWARD, which the guard of a trial cannot carry, is on trial all
// the same, where it is added and where it is removed: what goes through the host is
// decided as it will be, and after the deadline, with no process alive, as it
// was.
func TestForwardPolicyOnTrial(t *testing.T) {
	closed, left := webserver.Variant(t, "[policy]", "[policy]\nforward = \"drop\""), webserver.Variant(t)
	stage.OnBackends(t, func(t *testing.T) {
		outside := lab.NewNetwork(t).Host("outside", "203.0.113.9", "2001:db8:9::9")
		forwarding.AddInside(t)
		forwarding.Routes(t)
		for _, c := range []struct {
			name, before, after string
			passes              bool // before
		}{
			{"comes", left, closed, true},
			{"is released", closed, left, false},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Cleanup(func() { run.As(t, run.Applying, "revert") })
				run.Expect(t, 0, "apply", c.before, "--auto-approve", "--no-guard", "--confirm-within", "0")
				through(t, outside, c.passes)
				trials.TryOut(t, c.after, "10m")
				run.KillAll(t)
				through(t, outside, !c.passes)
				deadline := trials.MoveDeadline(t, 0)
				lab.Await(t, "the old policy of FORWARD", func() bool { return goesThrough(outside, c.passes) == "" })
				trials.NoteP4(t, deadline)
				run.Expect(t, 0, "revert")
				through(t, outside, c.passes)
				token, _ := trials.TryOut(t, c.after, "10m")
				run.ExpectAs(t, run.Confirming, 0, "confirm", token)
				through(t, outside, !c.passes)
				run.Expect(t, 0, "plan", c.after, "--detailed-exitcode")
				trials.NoTrialLeft(t)
			})
		}
	})
}

// through fails the test unless connections to the inside pass, or do not.
func through(t *testing.T, outside *lab.Host, want bool) {
	t.Helper()
	if wrong := goesThrough(outside, want); wrong != "" {
		t.Fatalf("to %s: want passing %v", wrong, want)
	}
}

// goesThrough names an address on the inside to which connections do not pass as
// wanted.
func goesThrough(outside *lab.Host, want bool) string {
	for _, address := range forwarding.Inner {
		if traffic.Connects(outside, net.JoinHostPort(address, "80"), want) != want {
			return address
		}
	}
	return ""
}
