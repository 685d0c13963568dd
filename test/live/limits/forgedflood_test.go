package limits

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/comparison"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A flood of SYNs from more sources than any table of the kernel's limits held
// blocks no client, known or new: not from the site of
// builtin:web, and not from its SSH.
func TestForgedFloodBlocksNoClient(t *testing.T) {
	const sources, chunk = 300_000, 50_000
	for i := range suite.NewSlice(t, len(lab.Backends), 1).Numbers() {
		t.Run(lab.Backends[i], func(t *testing.T) {
			stage.Bare(t, lab.Backends[i])
			floodsShutOutNobody(t, sources, chunk)
		})
	}
}

func floodsShutOutNobody(t *testing.T, sources, chunk int) {
	t.Helper()
	webserver.Serve(t)
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	s := comparison.Scenario{Hosts: &comparison.Hosts{Network: lab.NewNetwork(t)}, Family: traffic.Families[0]}
	forger := newAttacker(t, s.Network)
	known, unlisted := s.Host(t), s.Host(t)
	traffic.Arrive(t, known)
	flood := s.Crowd(22, sources)
	for _, port := range []int{22, 443} { // a table forgets the sources of 22 in a minute, of 443 in ten seconds
		for i := range flood {
			flood[i].To = traffic.SYN(flood[i].From.Addr(), port).To
		}
		began := time.Now()
		for i := 0; i < sources; i += chunk {
			require.NoError(t, forger.Forge(flood[i:i+chunk]...))
		}
		t.Logf("port %d: %d SYNs in %v", port, sources, time.Since(began).Round(time.Millisecond))
		if n := banset.Header(t, "hardenctl-callers-v4").Entries; n < 1000 {
			t.Fatalf("of the flood, only %d sources were counted", n)
		}
		for _, h := range []*lab.Host{unlisted, known} {
			if err := served(h, s.Server, port); err != nil {
				t.Errorf("%s -> port %d after the flood: %v", h.Name(), port, err)
			}
		}
	}
}

// plantWithAdmin is a controller with an administrator.
const plantWithAdmin = `version = 1
include = ["builtin:ot-controller"]

[access]
admin = ["192.0.2.20", "2001:db8:20::20"]
`

// The engineers of builtin:ot-controller come from private networks, of which a station
// that is taken over can forge millions of addresses. Its flood shuts out no engineer who
// comes for the first time, and no admin.
func TestFloodFromWithinBlocksNoClient(t *testing.T) {
	const stations, chunk = 300_000, 50_000
	for i := range suite.NewSlice(t, len(lab.Backends)*len(traffic.Families), 1).Numbers() {
		f := traffic.Families[i/len(lab.Backends)]
		t.Run(fmt.Sprintf("%s/v6=%v", lab.Backends[i%len(lab.Backends)], f.V6), func(t *testing.T) {
			stage.Bare(t, lab.Backends[i%len(lab.Backends)])
			lab.Serve(t, "tcp", 22)
			run.Expect(t, 0, "apply", testfile.Write(t, "plant.toml", plantWithAdmin), "--auto-approve", "--confirm-within", "0", "--no-guard")
			network := lab.NewNetwork(t)
			forger := newAttacker(t, network)
			run.Tool(t, "ip route add fc00::/7 via 2001:db8::66")
			admin := network.Host("admin", "192.0.2.20/24", "2001:db8:20::20")
			engineer := network.Host("engineer", "172.16.0.7", "fd99::7")
			first := netip.MustParseAddr("10.0.0.1")
			if f.V6 {
				first = netip.MustParseAddr("fd00:a::1")
			}
			flood := traffic.ToPort(22, traffic.Sources(first, stations))
			for at := 0; at < stations; at += chunk {
				require.NoError(t, forger.Forge(flood[at:at+chunk]...))
			}
			for _, h := range []*lab.Host{engineer, admin} {
				if err := served(h, f.Server, 22); err != nil {
					t.Errorf("%s does not get in after the flood: %v", h.Name(), err)
				}
			}
		})
	}
}

// served opens a connection, by as many tries as a busy machine may need.
func served(h *lab.Host, server string, port int) (err error) {
	for range 3 {
		if err = traffic.Connect(h, server, port); err == nil {
			return nil
		}
	}
	return err
}

// UDP to the port of HTTP/3 uses up nothing of what the same source may open by
// TCP. To the server, what a forger sends with a customer's address is what the
// customer sends, so the customer sends it here.
func TestUDPTakesNothingFromTCP(t *testing.T) {
	const flows = 6000 // a burst of 2,000 and 200 more a second
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		lab.Serve(t, "tcp", 443)
		lab.Serve(t, "udp", 443)
		customer := network.Host("customer", "192.0.2.20/24", "2001:db8:20::20")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			before := overLimits(t)
			require.NoError(t, customer.Do(func() error { return eachOfItsPort(server, flows) }))
			if after := overLimits(t); after == before {
				t.Fatalf("%s: %d UDP flows met no limit", server, flows)
			}
			traffic.Reaches(t, customer, server, 443, 5)
		}
	})
}

// eachOfItsPort sends datagrams, each from a port of its own. It is for lab.Host.Do: to enter the
// namespace for each would be slower than the limit forgives.
func eachOfItsPort(server string, flows int) error {
	for range flows {
		c, err := net.Dial("udp", net.JoinHostPort(server, "443"))
		if err != nil {
			return err
		}
		fmt.Fprint(c, "x")
		c.Close()
	}
	return nil
}

// overLimits is how many packets all limits have refused.
func overLimits(t *testing.T) int {
	t.Helper()
	n := 0
	for _, packets := range refusals(t) {
		n += packets
	}
	return n
}
