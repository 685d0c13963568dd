package lockout

import (
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// The rehearsal does not have the rules of others. The proof finds what they refuse to admins:
// a part of a network that no packet was sent from stops an apply, and a state in which an
// admin is refused is named.
func TestGuardProves(t *testing.T) {
	const admins = "[access]\nadmin = [\"203.0.113.0/24\"]\n"
	stage.OnBackends(t, func(t *testing.T) {
		lab.NewNetwork(t)
		lab.Serve(t, "tcp", 22)
		t.Setenv("SSH_CONNECTION", "")
		profile := webserver.OverWeb(t, admins)
		run.Tool(t, "iptables -t raw -A PREROUTING -s 203.0.113.64/26 -p tcp --dport 22 -j DROP")
		before := stage.TakePicture(t)
		require.Contains(t, run.Expect(t, 1, "apply", profile, "--auto-approve", "--confirm-within", "0"),
			"this would lock out 203.0.113.", " (access.admin) at tcp/22: the rules refuse a new connection (drop, rule 1 of PREROUTING (table raw): -s 203.0.113.64/26 -p tcp -m tcp --dport 22 -j DROP)")
		stage.TakePicture(t).Is(t, before)

		run.Tool(t, "iptables -t raw -R PREROUTING 1 -p tcp --dport 22 -m hashlimit --hashlimit-above 9/sec --hashlimit-mode srcip --hashlimit-name a -j DROP")
		require.Contains(t, run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0"),
			"  risky: 203.0.113.", "(access.admin) at tcp/22: drop, rule 1 of PREROUTING (table raw): ", ", if the source is above 9/sec\n")
	})
}
