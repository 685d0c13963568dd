package limits

import (
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// shielded is a host that publishes a shop, a limited counter and an office's
// store, and asks for the proxy before each. Nothing states port 9090, which is
// published too.
const shielded = `version = 1

[policy]
forward = "published"

[access]
exempt = ["66.249.64.5", "2001:4860:4801:10::/64"]
block = ["192.0.2.40", "2001:db8:40::/64"]

[services.shop]
ports = ["tcp/8080"]
synproxy = true

[services.limited]
ports = ["tcp/8081"]
new_per_source = "3/hour burst 3"
synproxy = true

[services.store]
ports = ["tcp/8082"]
from = ["192.0.2.30", "2001:db8:30::/64"]
synproxy = true

[scan]
probes = 10
window = "1h"
scope = "hidden"
stealth = true
`

// A published port behind the proxy has what every service has: sources, limits
// and blocks. The pages come from the container, which sees its clients' own
// addresses, and they come in a flood of forged SYNs too, which leaves nothing
// behind.
func TestSynProxyPublished(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		synflood.Publishes(t, network, 8080, 8081, 8082, 9090)
		run.Expect(t, 0, "apply", testfile.Write(t, "shielded.toml", shielded), "--auto-approve", "--confirm-within", "0", "--no-guard")
		visitors := map[string]*lab.Host{
			"customer": network.Host("customer", "192.0.2.20/24", "2001:db8:20::7"),
			"partner":  network.Host("partner", "192.0.2.30/24", "2001:db8:30::7"),
			"blocked":  network.Host("blocked", "192.0.2.40/24", "2001:db8:40::7"),
			"crawler":  network.Host("crawler", "66.249.64.5", "2001:4860:4801:10::5"),
		}
		attacker := newAttacker(t, network)
		traffic.OnFamilies(t, "visits", func(t *testing.T, f traffic.Family) {
			for _, v := range shieldedVisits {
				for page := range v.pages {
					at, who := &synflood.Site{Port: v.port}, visitors[v.who]
					if !v.loads && !at.Shuts(who, f.Server) {
						t.Errorf("%s -> port %d, page %d: it loads", v.who, v.port, page+1)
					}
					if !v.loads {
						continue
					}
					if err := at.Visit(who, f.Server); err != nil {
						t.Errorf("%s -> port %d, page %d: %v", v.who, v.port, page+1, err)
					}
				}
			}
		})
		for _, f := range traffic.Families {
			(&synflood.Site{Port: 8080}).IsCalmIn(t, synflood.Flood{From: attacker, To: netip.AddrPortFrom(netip.MustParseAddr(f.Server), 8080), Packets: 10_000}, visitors["customer"])
		}
	})
}

// shieldedVisits are the pages that a client asks for, and whether they come.
var shieldedVisits = []struct {
	who         string
	port, pages int
	loads       bool
}{
	{"customer", 8080, 20, true},
	{"customer", 8081, 3, true},
	{"customer", 8081, 1, false}, // the fourth in an hour
	{"crawler", 8081, 6, true},
	{"partner", 8082, 3, true},
	{"customer", 8082, 1, false},
	{"blocked", 8080, 1, false},
	{"customer", 9090, 1, false},
}
