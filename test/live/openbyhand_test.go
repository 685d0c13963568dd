package live

import (
	"net"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/pages"
)

// Where hardenctl itself is gone, the commands of docs/operations.md open the host by
// hand, whatever the profile, the bans and the proxy say, in a trial or off it;
// the next apply closes it again.
func TestOpenByHand(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		wayOut := pages.Script(t, "docs/operations.md", "## What happens when things go wrong")
		locked := []string{"198.51.100.0/28", "198.51.100.64/28", "2001:db8:10::/48", "2001:db8:11::/48", `["tcp/22"]`, "[\"tcp/22\"]\nsynproxy = true",
			"[access]", "[access]\nblock = [\"203.0.113.66\", \"2001:db8:bad::/48\"]"}
		one, other := variant(t, locked...), variant(t, append(locked, `"tcp/80"`, `"tcp/8443"`)...)
		lab.Serve(t, "tcp", 22)
		network := lab.NewNetwork(t)
		people := []*lab.Host{
			network.Host("shut-out", callerV4, callerV6),
			network.Host("blocked", "203.0.113.66", "2001:db8:bad::66"),
			network.Host("banned", "192.0.2.66/24", "2001:db8:66::66"),
		}
		expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
		tool(t, "ipset add hardenctl-ban-v4 192.0.2.66")
		tool(t, "ipset add hardenctl-ban-v6 2001:db8:66::")
		for _, profile := range []string{one, other} {
			if profile == other {
				tryOut(t, other, "5m")
			}
			wantAccess(t, people, false)
			fed(t, wayOut, "sh", "-e")
			wantAccess(t, people, true)
			expect(t, 0, "revert")
			expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
		}
		wantAccess(t, people, false)
	})
}

// wantAccess fails the test unless all reach SSH, or none does.
func wantAccess(t *testing.T, people []*lab.Host, want bool) {
	t.Helper()
	for _, h := range people {
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			if connects(h, net.JoinHostPort(server, "22"), want) != want {
				t.Errorf("%s gets in at %s: %v, want %v", h.Name(), server, !want, want)
			}
		}
	}
}
