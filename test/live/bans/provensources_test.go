package bans

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/knocking"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// prove has a host complete a connection, and waits until the kernel has seen
// the end of it.
func prove(t *testing.T, h *lab.Host) {
	t.Helper()
	traffic.Arrive(t, h)
	for _, a := range traffic.Addresses(h) {
		lab.Await(t, "the proof of the source", func() bool { return banset.Member(t, "proven", a) })
	}
}

// Forged probes with a customer's address ban the customer, which takes little
// from a customer who is proven. The log says so, in words that fail2ban does
// not count; those of an unlisted source's probes it counts.
func TestForgedLines(t *testing.T) {
	const more = banset.Proven + "[log]\n[fail2ban]\nlog = \"/run/kern.log\"\n"
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, more)
		network := lab.NewNetwork(t)
		clients := webserver.NewClients(network)
		forger := traffic.NewForger(t, network)
		prove(t, clients.Customer)
		for i, save := range []string{"iptables-save", "ip6tables-save"} {
			customer, unlisted := traffic.Addresses(clients.Customer)[i], traffic.Addresses(clients.Unlisted)[i]
			require.NoError(t, forger.Forge(append(traffic.SYNs(customer, 7000, 2), traffic.SYN(customer, 23))...))
			wantLines(t, save, map[string]int{"known": 3})
			require.NoError(t, forger.Forge(append(traffic.SYNs(unlisted, 7000, 2), traffic.SYN(unlisted, 23))...))
			wantLines(t, save, map[string]int{"known": 3, "scan": 2, "ban": 1})
		}
	})
}

// provenShop is a host with a page of its own and a shop that it publishes.
const provenShop = `version = 1

[policy]
forward = "published"

[services.page]
ports = ["tcp/80"]

[services.shop]
ports = ["tcp/8080"]

[scan]
probes = 10
tripwires = ["tcp/23"]
scope = "everything"
proven = "1d"
stealth = true
`

// A banned source that is proven keeps published ports as it keeps those of the
// host: at a low rate. A connection to a published port proves no source, since
// INPUT, which would see its end, is not on its way.
func TestProvenAtPublishedPort(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		synflood.Publishes(t, network, 8080, 9090)
		lab.Serve(t, "tcp", 80)
		run.Expect(t, 0, "apply", testfile.Write(t, "shop.toml", provenShop), "--auto-approve", "--confirm-within", "0", "--no-guard")
		clients := webserver.NewClients(network)
		forger := traffic.NewForger(t, network)
		prove(t, clients.Customer)
		shop := &synflood.Site{Port: 8080}
		traffic.OnFamilies(t, "banned", func(t *testing.T, f traffic.Family) {
			customer, unlisted := clients.Customer.V4(), clients.Unlisted.V4()
			if f.V6 {
				customer, unlisted = clients.Customer.V6(), clients.Unlisted.V6()
			}
			require.NoError(t, shop.Visit(clients.Unlisted, f.Server))
			require.NoError(t, forger.Forge(traffic.SYN(customer, 23), traffic.SYN(unlisted, 23)))
			lab.Await(t, "both bans", func() bool { return banset.Banned(t, unlisted) && banset.Banned(t, customer) })
			if banset.Member(t, "proven", unlisted) {
				t.Error("a connection to a published port proves its source")
			}
			for range 10 {
				require.NoError(t, shop.Visit(clients.Customer, f.Server))
			}
			if !shop.Shuts(clients.Unlisted, f.Server) {
				t.Error("a banned unlisted source reaches a published port")
			}
			if !(&synflood.Site{Port: 9090}).Shuts(clients.Customer, f.Server) {
				t.Error("a proven source reaches a port that is not stated")
			}
			lab.Await(t, "an entry of the source at its limit", func() bool {
				require.NoError(t, forger.Forge(fromManyPorts(customer, 8080, 150)...))
				return shop.Shuts(clients.Customer, f.Server)
			})
		})
	})
}

// fromManyPorts are SYNs from one source to one port.
func fromManyPorts(from netip.Addr, port, n int) []lab.Segment {
	segments := traffic.SYNs(from, port, n)
	for i := range segments {
		segments[i].From = netip.AddrPortFrom(from, uint16(40000+i))
		segments[i].To = netip.AddrPortFrom(segments[i].To.Addr(), uint16(port))
	}
	return segments
}

// A knock of a banned source is heard if the source is proven, and opens the
// door to it; that of an unlisted source is not.
func TestProvenKnocks(t *testing.T) {
	profile := strings.Replace(knocking.Profile, "stealth = true", "stealth = true\ntripwires = [\"tcp/23\"]\nproven = \"1d\"", 1)
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := knocking.NewNetwork(t, backend, profile)
			for _, family := range []int{4, 6} {
				knows := func(proves bool) func(knocking.Knocker, *testing.T) {
					return func(g knocking.Knocker, t *testing.T) { knocksBanned(g, t, proves) }
				}
				h.Knocker(family).Comes(t, "proven", knows(true))
				h.Knocker(family).Comes(t, "unlisted", knows(false))
			}
		})
	}
}

// knocksBanned touches a tripwire and knocks. Who comes has made a
// connection; an unlisted source is one that is forgotten again.
func knocksBanned(g knocking.Knocker, t *testing.T, proves bool) {
	lab.Await(t, "the proof of the source", func() bool { return banset.Member(t, "proven", g.Address()) })
	if !proves {
		set, member := "v4", g.Address()
		if member.Is6() {
			set, member = "v6", netip.PrefixFrom(member, 64).Masked().Addr()
		}
		run.Tool(t, fmt.Sprintf("ipset del hardenctl-proven-%s %s", set, member))
	}
	g.Sends(t, "tcp/23")
	g.Sends(t, "tcp/7000", "tcp/1", "udp/8000", "tcp/6000") // a wrong port between
	g.ReachesOnly(t)
	g.Sends(t, knocking.Front...)
	want := []int{22}
	if !proves {
		want = nil
	}
	g.ReachesOnly(t, want...)
	if !banset.Banned(t, g.Address()) {
		t.Error("the knocker is not banned")
	}
}
