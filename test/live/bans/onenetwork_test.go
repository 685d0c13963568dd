package bans

import (
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// In IPv6 a ban takes a whole /64, so that one who owns it has no more probes than one
// with a single address. A port counts once for all of the /64: thirty people of one
// office who follow the same old link cause no ban. Eleven who ask for eleven closed
// ports are not told from a scanner with eleven addresses, and nor are eleven people
// behind one IPv4 address.
func TestClientsOfOneNetwork(t *testing.T) {
	onEngines(t, lab.Backends, func(t *testing.T, engine string) {
		webserver.Watch(t, engine+"slow = { probes = 20, window = \"1d\" }\n")
		forger := traffic.NewForger(t, lab.NewNetwork(t))
		office := neighboursOf("2001:db8:bad:f::", 30)
		for _, port := range []int{8080, 8443} {
			require.NoError(t, forger.Forge(traffic.ToPort(port, office)...))
		}
		if banset.Banned(t, office[0]) {
			t.Error("30 people of one /64 asked for the same two ports, and the /64 is banned")
		}
		scanner := neighboursOf("2001:db8:bad:e::", 11)
		for i, a := range scanner {
			if banset.Banned(t, a) {
				t.Errorf("%v is banned after %d ports", a, i)
			}
			require.NoError(t, forger.Forge(traffic.SYN(a, 7000+i)))
		}
		if !banset.Banned(t, scanner[0]) {
			t.Error("eleven addresses of one /64 tried eleven ports, and it is not banned")
		}
	})
}

// neighboursOf are the first n addresses of a /64.
func neighboursOf(network string, n int) []netip.Addr {
	var all []netip.Addr
	for a := netip.MustParseAddr(network); len(all) < n; a = a.Next() {
		all = append(all, a)
	}
	return all[:n]
}
