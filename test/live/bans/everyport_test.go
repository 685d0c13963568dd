package bans

import (
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/knocking"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// Where a ban hides services, a scanner sees whether it is banned. With many addresses
// it could find out by that which ports count and which do not. So all do: closed ones,
// those of a knock, and UDP ports for which a program of this host has bound a socket.
// They end a source's free probes alike, and renew its ban alike.
func TestEveryPortCounts(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := knocking.NewNetwork(t, backend, knocking.Profile)
			lab.Serve(t, "udp", 5060)
			for _, family := range []int{4, 6} {
				for _, port := range append([]string{"tcp/9", "udp/9", "udp/5060"}, knocking.Front...) {
					isCountedAt(h.Knocker(family), t, port)
				}
			}
		})
	}
}

// isCountedAt has a knocker use up its free probes, and bans it by a packet to a port.
func isCountedAt(g knocking.Knocker, t *testing.T, port string) {
	t.Helper()
	traffic.Connect(g.Host, g.Server, 80) // so that no packet waits for the neighbour's answer
	require.NoError(t, g.Forge(traffic.SYNs(g.Address(), 300, 10)...))
	if banset.Banned(t, g.Address()) {
		t.Fatalf("%v is banned after ten ports", g.Address())
	}
	g.Sends(t, port)
	if !banset.Banned(t, g.Address()) {
		t.Errorf("%v: %s does not count", g.Address(), port)
		return
	}
	ban := banset.EntryOf("ban", g.Address())
	ban.Shortens(t, 100)
	g.Sends(t, port)
	if left := ban.Left(t); left < 3000 {
		t.Errorf("%v: %s does not renew a ban, of which %d s are left", g.Address(), port, left)
	}
}
