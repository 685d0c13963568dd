package bans

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A client that retries closed ports while forged probes fill what is remembered of
// others is not banned, and lines of the log say nothing new of it. The sets of ports are
// made small, so that a few probes fill them.
func TestRetriesBesideForgedProbes(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "scope = \"everything\"\nslow = { probes = 20, window = \"1d\" }\n")
		shrinkPorts(t)
		forger := traffic.NewForger(t, lab.NewNetwork(t))
		for _, client := range []netip.Addr{netip.MustParseAddr("203.0.113.150"), netip.MustParseAddr("2001:db8:bad:150::1")} {
			others := traffic.Sources(netip.MustParseAddr("10.0.0.0"), 15*1500)
			if client.Is6() {
				others = traffic.Sources(netip.MustParseAddr("fd00:a::"), 15*1500)
			}
			for round := range 15 {
				require.NoError(t, forger.Forge(traffic.SYNs(client, 7000, 3)...))
				require.NoError(t, forger.Forge(traffic.ToPort(7999, others[1500*round:1500*(round+1)])...))
			}
			if banset.Member(t, "ban", client) {
				t.Errorf("%v has tried three ports again and again, and is banned", client)
			}
		}
	})
}

// shrinkPorts gives each set of ports tried room for few, as it is made by the bundle
// otherwise.
func shrinkPorts(t *testing.T) {
	t.Helper()
	saved, err := os.ReadFile("/etc/iptables/ipsets")
	require.NoError(t, err)
	for line := range strings.Lines(string(saved)) {
		words := strings.Fields(line)
		if len(words) < 9 || words[0] != "create" || !strings.HasPrefix(words[1], "hardenctl-seen") {
			continue
		}
		name := words[1]
		words[1], words[6], words[8] = "small", "64", "512" // hashsize, maxelem
		run.Tool(t, "ipset "+strings.Join(words, " "))
		run.Tool(t, "ipset swap small "+name)
		run.Tool(t, "ipset destroy small")
	}
}

// A scanner that hurries is banned beside forged probes that have used up what the
// first window has room for; a client that tries one port again and again is not.
func TestScannerBesideForgedProbes(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "scope = \"everything\"\n")
		forger := traffic.NewForger(t, lab.NewNetwork(t))
		for _, of := range []struct {
			ports                    string
			crowd, scanner, customer netip.Addr
		}{
			{"hardenctl-seen-v4", netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("203.0.113.100"), netip.MustParseAddr("203.0.113.150")},
			{"hardenctl-seen-v6", netip.MustParseAddr("fd00:a::"), netip.MustParseAddr("2001:db8:bad:100::1"), netip.MustParseAddr("2001:db8:bad:150::1")},
		} {
			next := of.crowd
			flood := func(n int) {
				crowd := traffic.Sources(next, n+1)
				require.NoError(t, forger.Forge(traffic.ToPort(7999, crowd[:n])...))
				next = crowd[n]
			}
			useUp(t, of.ports, func() { flood(3000) })
			port := 7000
			lab.Await(t, "a ban of a scanner beside a flood", func() bool {
				for range 5 {
					flood(20)
					require.NoError(t, forger.Forge(traffic.SYN(of.scanner, port), traffic.SYN(of.customer, 7000)))
					port++
				}
				return banset.Member(t, "ban", of.scanner)
			})
			if banset.Member(t, "ban", of.customer) {
				t.Errorf("%v has tried one port again and again, and is banned", of.customer)
			}
		}
	})
}

// useUp sends 3,000 probes of new sources at a time, until the window has no room for
// half of them.
func useUp(t *testing.T, ports string, flood func()) {
	t.Helper()
	before := -1500
	lab.Await(t, "a window that has no room", func() bool {
		flood()
		entries := int(banset.Header(t, ports).Entries)
		defer func() { before = entries }()
		return entries > 9000 && entries-before < 1500
	})
}

// A scanner of whose probes the first window has room for some is banned as early as
// any other: no probe is left to the rush alone.
func TestScannerBetweenTwoWindows(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "scope = \"everything\"\n")
		forger := traffic.NewForger(t, lab.NewNetwork(t))
		next := netip.MustParseAddr("10.0.0.0")
		flood := func(n int) {
			crowd := traffic.Sources(next, n+1)
			require.NoError(t, forger.Forge(traffic.ToPort(7999, crowd[:n])...))
			next = crowd[n]
		}
		useUp(t, "hardenctl-seen-v4", func() { flood(3000) })
		scanner := netip.MustParseAddr("203.0.113.100")
		lab.Await(t, "eleven probes within a rush, all looked at", func() bool {
			scanner = scanner.Next()
			time.Sleep(500 * time.Millisecond) // there is room for some ten anew
			began := time.Now()
			require.NoError(t, forger.Forge(traffic.SYNs(scanner, 7000, 5)...))
			flood(300)
			require.NoError(t, forger.Forge(traffic.SYNs(scanner, 7005, 6)...))
			lab.Drain()
			looked := strings.Count(run.Tool(t, "ipset save hardenctl-seen-rush-v4"), scanner.String()+",")
			return looked == 11 && time.Since(began) < 9*time.Second
		})
		lab.Await(t, "a ban by the eleventh probe", func() bool { return banset.Member(t, "ban", scanner) })
	})
}
