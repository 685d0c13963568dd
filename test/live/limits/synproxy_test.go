package limits

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// Who may reach a proxied service reaches it, with its own address and
// with everything that TCP offers; no other source does.
func TestSynProxy(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		site := openSite(t, 80)
		lab.Serve(t, "tcp", 8443)
		profile := synflood.Proxied(t, true, `
			[services.private]
			ports = ["tcp/8443"]
			from = ["192.0.2.30", "2001:db8:30::/64"]
			synproxy = true
			[access]
			block = ["192.0.2.40", "2001:db8:40::/64"]`)
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
		for i, who := range []struct {
			name           string
			pages, private bool
		}{{"customer", true, false}, {"partner", true, true}, {"blocked", false, false}} {
			h := network.Host(who.name, fmt.Sprintf("192.0.2.%d/24", 20+10*i), fmt.Sprintf("2001:db8:%d::7", 20+10*i))
			for _, server := range []string{lab.ServerV4, lab.ServerV6} {
				err := site.Visit(h, server)
				if err != nil {
					err = site.Visit(h, server) // a first look for the neighbour can be lost
				}
				if (err == nil) != who.pages {
					t.Errorf("%s -> %s: %v", who.name, server, err)
				}
				if err := traffic.Connect(h, server, 8443); (err == nil) != who.private {
					t.Errorf("%s -> %s port 8443: %v", who.name, server, err)
				}
			}
		}
		crawler := network.Host("crawler", "66.249.64.5", "2001:4860:4801:10::5")
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			if err := site.Visit(crawler, server); err != nil {
				t.Errorf("crawler -> %s: %v", server, err)
			}
		}
	})
}

const (
	floodPackets = 25_000
)

// A flood of SYNs from forged sources leaves nothing behind and keeps no
// customer from a page. Without the proxy each of them is a tracked connection.
func TestSynFlood(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		site := openSite(t, 80)
		customer := network.Host("customer", "192.0.2.20/24", "2001:db8:20::20")
		attacker := newAttacker(t, network)
		to := func(server string) synflood.Flood {
			return synflood.Flood{From: attacker, To: netip.AddrPortFrom(netip.MustParseAddr(server), 80), Packets: floodPackets}
		}
		run.Expect(t, 0, "apply", synflood.Proxied(t, true, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, f := range traffic.Families {
			site.IsCalmIn(t, to(f.Server), customer)
		}
		run.Expect(t, 0, "apply", synflood.Proxied(t, false, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
		before := synflood.Tracked(t)
		require.NoError(t, to(lab.ServerV4).Run())
		if grown := synflood.Tracked(t) - before; grown < floodPackets/2 {
			t.Errorf("without the proxy, the flood left only %d tracked connections", grown)
		}
	})
}

// newAttacker is a host to which the answers to all forged sources go.
func newAttacker(t *testing.T, network *lab.Bench) *lab.Host {
	t.Helper()
	h := network.Host("attacker", "192.0.2.66/24", "2001:db8::66/64")
	run.Tool(t, "ip route add 10.0.0.0/8 via 192.0.2.66")
	run.Tool(t, "ip route add 3fff::/20 via 2001:db8::66")
	return h
}

// A client that uses its port again, while conntrack remembers the connection
// that it had there, is served: a busy NAT does so.
func TestSynProxyPortUsedAgain(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "apply", synflood.Proxied(t, true, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
		lab.Serve(t, "tcp", 443)
		for round := range 2 {
			t.Run(fmt.Sprint(round), func(t *testing.T) {
				network := lab.NewNetwork(t) // a host that has forgotten its connections
				client := network.Host("client", "192.0.2.20/24", "2001:db8:20::20")
				for _, to := range []struct {
					from   netip.Addr
					server string
				}{{client.V4(), lab.ServerV4}, {client.V6(), lab.ServerV6}} {
					for port := uint16(5000); port < 5005; port++ {
						c, err := client.DialFrom(netip.AddrPortFrom(to.from, port), "tcp", net.JoinHostPort(to.server, "443"), lab.Patience)
						require.NoError(t, err)
						if !speaks(c, "tcp", lab.Patience) {
							t.Errorf("port %d -> %s: no answer", port, to.server)
						}
						c.Close()
					}
				}
				lab.Await(t, "an end of all connections", func() bool { return connected(t, 443) == 0 })
			})
		}
	})
}

// connected is how many connections to a port of the server's have not come to
// their end. The server forgets one that its client has closed.
func connected(t *testing.T, port int) (n int) {
	t.Helper()
	const listening, timeWait = "0A", "06" // include/net/tcp_states.h
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if strings.HasSuffix(words[1], fmt.Sprintf(":%04X", port)) && words[3] != listening && words[3] != timeWait {
				n++
			}
		}
	}
	return n
}

// A scanner sees of a proxied service what it sees of any: that a computer's
// SYN is answered. A scanner's own is a probe, and so are other flags.
func TestScansOfSynProxy(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "apply", synflood.Proxied(t, true, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
		lab.Serve(t, "tcp", 80)
		network := lab.NewNetwork(t)
		for i, scan := range []struct {
			flags, state string
			probe        bool
		}{
			{"-sS", "filtered", true}, {"-sT", "open", false}, {"-sA", "filtered", false}, {"-sW", "filtered", false},
			{"-sF", "open|filtered", true}, {"-sN", "open|filtered", true}, {"-sX", "open|filtered", true}, {"-sM", "open|filtered", false},
		} {
			h := network.Host(fmt.Sprint("scanner", i), fmt.Sprintf("192.0.2.%d/24", 60+i), fmt.Sprintf("2001:db8:%d::7", 60+i))
			for _, args := range [][]string{{lab.ServerV4}, {"-6", lab.ServerV6}} {
				found := lab.Nmap(t, h, append([]string{scan.flags, "-p", "80", "--max-retries", "1"}, args...)...)
				if got := found[lab.Port{Protocol: "tcp", Number: 80}]; got != scan.state {
					t.Errorf("%s %v: %s, want %s", scan.flags, args, got, scan.state)
				}
			}
			if seen := strings.Contains(run.Tool(t, "ipset save hardenctl-seen-v4"), h.V4().String()); seen != scan.probe {
				t.Errorf("%s is a probe: %t, want %t", scan.flags, seen, scan.probe)
			}
		}
	})
}
