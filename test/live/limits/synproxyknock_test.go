package limits

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/knocking"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
)

// proxiedDoors are the doors, with the proxy before what is behind them.
var proxiedDoors = strings.NewReplacer(
	`knock = "front-door"`, "knock = \"front-door\"\nsynproxy = true",
	`"tcp/5432", "tcp/8080"]`, "\"tcp/5432\", \"tcp/8080\", \"tcp/8443\"]\nsynproxy = true",
).Replace(knocking.Profile)

// A knock opens what the proxy serves, to the source that knocked and for as long
// as the door is open, and nothing else does: a cookie is not answered to a
// unlisted source. A source that is in reaches its pages in a flood of forged SYNs.
func TestSynProxyKnock(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := knocking.NewNetwork(t, backend, proxiedDoors)
			t.Run("visits", func(t *testing.T) {
				for _, family := range []int{4, 6} {
					for _, v := range knocking.Visits {
						h.Knocker(family).Comes(t, v.Name, v.By)
					}
					if backend == lab.Backends[0] { // waiting is dear
						h.Knocker(family).Comes(t, "the door closes", knocking.Knocker.LeavesTheDoorOpen)
					}
				}
			})
			pages, attacker := openSite(t, 8443), newAttacker(t, h.Network)
			for _, family := range []int{4, 6} {
				g := h.Knocker(family)
				g.Sends(t, knocking.Back...)
				pages.IsCalmIn(t, synflood.Flood{From: attacker, To: netip.AddrPortFrom(netip.MustParseAddr(g.Server), 8443), Packets: 10_000}, g.Host)
			}
		})
	}
}
