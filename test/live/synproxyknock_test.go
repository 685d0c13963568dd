package live

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// proxiedDoors are the doors, with the proxy before what is behind them.
var proxiedDoors = strings.NewReplacer(
	`knock = "front-door"`, "knock = \"front-door\"\nsynproxy = true",
	`"tcp/5432", "tcp/8080"]`, "\"tcp/5432\", \"tcp/8080\", \"tcp/8443\"]\nsynproxy = true",
).Replace(doors)

// A knock opens what the proxy serves, to the source that knocked and for as long
// as the door is open, and nothing else does: a cookie is not answered to a
// unlisted source. A source that is in reaches its pages in a flood of forged SYNs.
func TestSynProxyKnock(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := newKnockNetwork(t, backend, proxiedDoors)
			t.Run("visits", func(t *testing.T) {
				for _, family := range []int{4, 6} {
					for _, v := range visits {
						h.knocker(family).comes(t, v.name, v.by)
					}
					if backend == lab.Backends[0] { // waiting is dear
						h.knocker(family).comes(t, "the door closes", knocker.leavesTheDoorOpen)
					}
				}
			})
			pages, attacker := openSite(t, 8443), newAttacker(t, h.network)
			for _, family := range []int{4, 6} {
				g := h.knocker(family)
				g.sends(t, back...)
				pages.isCalmIn(t, flood{attacker, netip.AddrPortFrom(netip.MustParseAddr(g.server), 8443), 10_000}, g.Host)
			}
		})
	}
}
