package lockout

import (
	"net"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/pages"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// Where hardenctl itself is gone, the commands of docs/operations.md open the host by
// hand, whatever the profile, the bans and the proxy say, in a trial or off it;
// the next apply closes it again.
func TestOpenByHand(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		wayOut := pages.Script(t, "docs/operations.md", "## What happens when things go wrong")
		locked := []string{"198.51.100.0/28", "198.51.100.64/28", "2001:db8:10::/48", "2001:db8:11::/48", `["tcp/22"]`, "[\"tcp/22\"]\nsynproxy = true",
			"[access]", "[access]\nblock = [\"203.0.113.66\", \"2001:db8:bad::/48\"]"}
		one, other := webserver.Variant(t, locked...), webserver.Variant(t, append(locked, `"tcp/80"`, `"tcp/8443"`)...)
		lab.Serve(t, "tcp", 22)
		network := lab.NewNetwork(t)
		clients := []*lab.Host{
			network.Host("shut-out", callerV4, callerV6),
			network.Host("blocked", "203.0.113.66", "2001:db8:bad::66"),
			network.Host("banned", "192.0.2.66/24", "2001:db8:66::66"),
		}
		run.Expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
		run.Tool(t, "ipset add hardenctl-ban-v4 192.0.2.66")
		run.Tool(t, "ipset add hardenctl-ban-v6 2001:db8:66::")
		for _, profile := range []string{one, other} {
			if profile == other {
				trials.TryOut(t, other, "5m")
			}
			wantAccess(t, clients, false)
			run.WithInput(t, wayOut, "sh", "-e")
			wantAccess(t, clients, true)
			run.Expect(t, 0, "revert")
			run.Expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
		}
		wantAccess(t, clients, false)
	})
}

// wantAccess fails the test unless all reach SSH, or none does.
func wantAccess(t *testing.T, clients []*lab.Host, want bool) {
	t.Helper()
	for _, h := range clients {
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			if traffic.Connects(h, net.JoinHostPort(server, "22"), want) != want {
				t.Errorf("%s gets in at %s: %v, want %v", h.Name(), server, !want, want)
			}
		}
	}
}
