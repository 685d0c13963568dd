package live

import (
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// Where a ban hides services, a scanner sees whether it is banned. With many addresses
// it could find out by that which ports count and which do not. So all do: closed ones,
// those of a knock, and UDP ports for which a program of this host has bound a socket.
// They end a source's free probes alike, and renew its ban alike.
func TestEveryPortCounts(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := newKnockNetwork(t, backend, doors)
			lab.Serve(t, "udp", 5060)
			for _, family := range []int{4, 6} {
				for _, port := range append([]string{"tcp/9", "udp/9", "udp/5060"}, front...) {
					h.knocker(family).isCountedAt(t, port)
				}
			}
		})
	}
}

// isCountedAt has a knocker use up its free probes, and bans it by a packet to a port.
func (g knocker) isCountedAt(t *testing.T, port string) {
	t.Helper()
	connect(g.Host, g.server, 80) // so that no packet waits for the neighbour's answer
	must(t, g.Forge(syns(g.address(), 300, 10)...))
	if banned(t, g.address()) {
		t.Fatalf("%v is banned after ten ports", g.address())
	}
	g.sends(t, port)
	if !banned(t, g.address()) {
		t.Errorf("%v: %s does not count", g.address(), port)
		return
	}
	ban := entryOf("ban", g.address())
	ban.shortens(t, 100)
	g.sends(t, port)
	if left := ban.left(t); left < 3000 {
		t.Errorf("%v: %s does not renew a ban, of which %d s are left", g.address(), port, left)
	}
}
