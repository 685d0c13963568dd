package bans

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// One network does not fill the set of proven sources, so that others can be proven:
// of a /48 and of a /29 no more new sources are taken in than each may bring. What
// the network has brought is set by hand, up to the last.
func TestNetworkCannotFillProvenSources(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, banset.Proven)
		network := lab.NewNetwork(t)
		last := network.Host("last", "203.0.113.31", "2001:db8:20:1::1")
		beyond := network.Host("beyond", "203.0.113.32", "2001:db8:20:2::1")
		other := network.Host("other", "203.0.113.33", "2001:db8:30:1::1")
		run.Tool(t, fmt.Sprintf("ipset add hardenctl-proven-48-v6 2001:db8:20:: packets %d", 4096-1))
		prove(t, last)
		traffic.Reaches(t, beyond, lab.ServerV6, 443, 1)
		traffic.Reaches(t, beyond, lab.ServerV6, 80, 1)
		prove(t, other)
		if a := netip.MustParseAddr("2001:db8:20:2::1"); banset.Member(t, "proven", a) {
			t.Errorf("%v is proven, although its /48 has brought 4,096", a)
		}
		prove(t, last) // again, and it stays
		run.Tool(t, fmt.Sprintf("ipset add hardenctl-proven-29-v6 2001:db8:: packets %d --exist", 32768+1))
		late := network.Host("late", "203.0.113.34", "2001:db8:31:1::1")
		traffic.Reaches(t, late, lab.ServerV6, 443, 1)
		far := network.Host("far", "203.0.113.35", "2001:dc0:1::1")
		prove(t, far)
		if a := netip.MustParseAddr("2001:db8:31:1::1"); banset.Member(t, "proven", a) {
			t.Errorf("%v is proven, although its /29 has brought 32,768", a)
		}
	})
}
