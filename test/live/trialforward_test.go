package live

import (
	"net"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// The policy of FORWARD, which the guard of a trial cannot carry, is on trial all
// the same, where it is added and where it is removed: what goes through the host is
// decided as it will be, and after the deadline, with no process alive, as it
// was.
func TestForwardPolicyOnTrial(t *testing.T) {
	closed, left := variant(t, "[policy]", "[policy]\nforward = \"drop\""), variant(t)
	onBackends(t, func(t *testing.T) {
		outside := lab.NewNetwork(t).Host("outside", "203.0.113.9", "2001:db8:9::9")
		addInside(t)
		routes(t)
		for _, c := range []struct {
			name, before, after string
			passes              bool // before
		}{
			{"comes", left, closed, true},
			{"is let go", closed, left, false},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Cleanup(func() { as(t, applying, "revert") })
				expect(t, 0, "apply", c.before, "--auto-approve", "--no-guard", "--confirm-within", "0")
				through(t, outside, c.passes)
				tryOut(t, c.after, "10m")
				killAll(t)
				through(t, outside, !c.passes)
				deadline := moveDeadline(t, 0)
				lab.Await(t, "the old policy of FORWARD", func() bool { return goesThrough(outside, c.passes) == "" })
				noteP4(t, deadline)
				expect(t, 0, "revert")
				through(t, outside, c.passes)
				token, _ := tryOut(t, c.after, "10m")
				expectAs(t, confirming, 0, "confirm", token)
				through(t, outside, !c.passes)
				expect(t, 0, "plan", c.after, "--detailed-exitcode")
				noTrialLeft(t)
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
	for _, address := range inner {
		if connects(outside, net.JoinHostPort(address, "80"), want) != want {
			return address
		}
	}
	return ""
}
