package knock

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/knocking"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// The right ports in the right order open the services of one door to one
// address for a while, and nothing else does.
func TestKnock(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := knocking.NewNetwork(t, backend, knocking.Profile)
			webserver.LoadedBy(t, backend)
			for _, family := range []int{4, 6} {
				isKnockedAt(h, t, family)
			}
		})
	}
}

// isKnockedAt lets each visitor come at the same time as the others.
func isKnockedAt(h *knocking.Network, t *testing.T, family int) {
	for _, v := range knocking.Visits {
		h.Knocker(family).Comes(t, v.Name, v.By)
	}
	h.Knocker(family).Comes(t, "too slow", isTooSlow)
	h.Knocker(family).Comes(t, "the door closes", knocking.Knocker.LeavesTheDoorOpen)
	h.Knocker(family).Comes(t, "counted once each", knocksOften)
	knocks, waits := h.Neighbours(family)
	knocks.Comes(t, "another profits not", func(g knocking.Knocker, t *testing.T) { knocksBeside(g, t, waits) })
}

func isTooSlow(g knocking.Knocker, t *testing.T) {
	g.Sends(t, knocking.Front[:2]...)
	heard := g.Entry("2-front-door")
	if left := heard.Left(t); left > 30 {
		t.Errorf("the second knock is heard for %d s, want 30", left)
	}
	heard.RunsOut(t)
	g.Sends(t, knocking.Front[2])
	g.ReachesOnly(t)
}

func knocksBeside(g knocking.Knocker, t *testing.T, other knocking.Knocker) {
	g.Sends(t, knocking.Front[:2]...)
	other.Sends(t, knocking.Front[2])
	g.Sends(t, knocking.Front[2])
	other.ReachesOnly(t)
	g.ReachesOnly(t, 22)
}

// knocksOften sends every port of both doors in all sorts of orders, which is six
// probes, however often; the services behind are three more, and one is free then.
func knocksOften(g knocking.Knocker, t *testing.T) {
	for range 3 {
		g.Sends(t, "udp/3002", "tcp/6000", "udp/8000", "tcp/3000", "tcp/7000", "udp/3001", "udp/3002", "tcp/3000")
	}
	g.ReachesOnly(t)
	g.Sends(t, "tcp/100")
	if banset.Banned(t, g.Address()) {
		t.Error("knocks count more than once")
	}
	g.Sends(t, knocking.Front...)
	g.ReachesOnly(t, 22)
	g.Sends(t, "tcp/200")
	if !banset.Banned(t, g.Address()) {
		t.Error("knocks do not count: a scanner with many addresses learns them by what bans none")
	}
	g.Sends(t, knocking.Back...)
	g.ReachesOnly(t)
}

// A door is for those who knock at it: others need no knock, or gain nothing.
func TestKnockAccess(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := knocking.NewNetwork(t, backend, knocking.Profile)
			for _, who := range []struct {
				name, v4, v6 string
				before       []int // what they reach without a knock
				after        []int // and after knocking at the front door
			}{
				{"listed", "198.51.100.70", "2001:db8:11::70", []int{22}, []int{22}},
				{"admin", "198.51.100.5", "2001:db8:10::5", []int{5432, 8080}, []int{22, 5432, 8080}},
				{"exempt", "66.249.64.5", "2001:4860:4801:10::5", nil, []int{22}},
			} {
				host := h.Network.Host(who.name, who.v4, who.v6)
				for _, server := range []string{lab.ServerV4, lab.ServerV6} {
					t.Run(who.name+"/"+server, func(t *testing.T) {
						t.Parallel()
						g := knocking.Knocker{Host: host, Server: server}
						g.ReachesOnly(t, who.before...)
						g.Sends(t, knocking.Front...)
						g.ReachesOnly(t, who.after...)
						traffic.Reaches(t, host, server, 80, 1)
					})
				}
			}
		})
	}
}

// Many sources that know the first knock do not make the server forget another's.
func TestKnockCrowd(t *testing.T) {
	h := knocking.NewNetwork(t, "nft", knocking.Profile)
	var addresses []string
	for i := range 150 {
		addresses = append(addresses, fmt.Sprintf("203.0.113.%d", 100+i))
	}
	crowd := h.Network.Host("crowd", addresses...)
	honest := h.Knocker(4)
	honest.Sends(t, "udp/3001", "tcp/3000")
	for _, a := range addresses {
		c, err := crowd.DialFrom(netip.AddrPortFrom(netip.MustParseAddr(a), 0), "udp", honest.Server+":3001", lab.Patience)
		require.NoError(t, err)
		_, err = c.Write(nil)
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
	if n := traffic.Packets(t, 4, "HARDENCTL-K-BACK-DOOR", "HARDENCTL-1-BACK-DOOR"); n != 151 {
		t.Errorf("%d first knocks came, want 151", n)
	}
	honest.Sends(t, "udp/3001", "udp/3002")
	honest.ReachesOnly(t, 5432, 8080)
}
