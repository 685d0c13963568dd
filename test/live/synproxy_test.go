package live

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// proxied is builtin:web with or without SYNPROXY in front of its pages.
func proxied(t *testing.T, on bool, more string) string {
	t.Helper()
	return write(t, "proxied.toml", fmt.Sprintf(`version = 1
include = ["builtin:web"]
[services.http]
synproxy = %t
[services.https]
synproxy = %t
%s`, on, on, more))
}

// Who may reach a proxied service reaches it, with its own address and
// with everything that TCP offers; no other source does.
func TestSynProxy(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		site := openSite(t, 80)
		lab.Serve(t, "tcp", 8443)
		profile := proxied(t, true, `
			[services.private]
			ports = ["tcp/8443"]
			from = ["192.0.2.30", "2001:db8:30::/64"]
			synproxy = true
			[access]
			block = ["192.0.2.40", "2001:db8:40::/64"]`)
		expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
		expect(t, 0, "plan", profile, "--detailed-exitcode")
		for i, who := range []struct {
			name           string
			pages, private bool
		}{{"customer", true, false}, {"partner", true, true}, {"blocked", false, false}} {
			h := network.Host(who.name, fmt.Sprintf("192.0.2.%d/24", 20+10*i), fmt.Sprintf("2001:db8:%d::7", 20+10*i))
			for _, server := range []string{lab.ServerV4, lab.ServerV6} {
				err := site.visit(h, server)
				if err != nil {
					err = site.visit(h, server) // a first look for the neighbour can be lost
				}
				if (err == nil) != who.pages {
					t.Errorf("%s -> %s: %v", who.name, server, err)
				}
				if err := connect(h, server, 8443); (err == nil) != who.private {
					t.Errorf("%s -> %s port 8443: %v", who.name, server, err)
				}
			}
		}
		crawler := network.Host("crawler", "66.249.64.5", "2001:4860:4801:10::5")
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			if err := site.visit(crawler, server); err != nil {
				t.Errorf("crawler -> %s: %v", server, err)
			}
		}
	})
}

// flood is a bounded flood of first packets as Linux sends them, each from a source of its own that
// no other flood has used; of IPv6, from a /64 of its own. The answers go to the
// host that forged them.
type flood struct {
	from    *lab.Host
	to      netip.AddrPort
	packets int
}

// forged counts the sources that have been used.
var forged uint32

// forge returns the next source: of 10.0.0.0/8, or of 3fff::/20.
func (f flood) forge() netip.Addr {
	forged++
	high, middle, low := byte(forged>>16), byte(forged>>8), byte(forged)
	if f.to.Addr().Is4() {
		return netip.AddrFrom4([4]byte{10, high, middle, low})
	}
	return netip.AddrFrom16([16]byte{0x3f, 0xff, 5: high, 6: middle, 7: low, 15: 1})
}

const (
	floodPackets = 25_000
	floodBatch   = 500
	floodPause   = 40 * time.Millisecond
)

func (f flood) run() error {
	for sent := 0; sent < f.packets; sent += floodBatch {
		batch := make([]lab.Segment, floodBatch)
		for i := range batch {
			batch[i] = syn(f.forge(), int(f.to.Port()))
		}
		if err := f.from.Forge(batch...); err != nil {
			return err
		}
		time.Sleep(floodPause)
	}
	return nil
}

// A flood of SYNs from forged sources leaves nothing behind and keeps no
// customer from a page. Without the proxy each of them is a tracked connection.
func TestSynFlood(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		site := openSite(t, 80)
		customer := network.Host("customer", "192.0.2.20/24", "2001:db8:20::20")
		attacker := newAttacker(t, network)
		to := func(server string) flood {
			return flood{attacker, netip.AddrPortFrom(netip.MustParseAddr(server), 80), floodPackets}
		}
		expect(t, 0, "apply", proxied(t, true, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, f := range families {
			site.isCalmIn(t, to(f.server), customer)
		}
		expect(t, 0, "apply", proxied(t, false, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
		before := tracked(t)
		must(t, to(lab.ServerV4).run())
		if grown := tracked(t) - before; grown < floodPackets/2 {
			t.Errorf("without the proxy, the flood left only %d tracked connections", grown)
		}
	})
}

// newAttacker is a host to which the answers to all forged sources go.
func newAttacker(t *testing.T, network *lab.Bench) *lab.Host {
	t.Helper()
	h := network.Host("attacker", "192.0.2.66/24", "2001:db8::66/64")
	tool(t, "ip route add 10.0.0.0/8 via 192.0.2.66")
	tool(t, "ip route add 3fff::/20 via 2001:db8::66")
	return h
}

// isCalmIn checks that a customer's pages load in a flood as they do without,
// and that the flood leaves no tracked connections behind.
func (s *site) isCalmIn(t *testing.T, f flood, customer *lab.Host) {
	t.Helper()
	quiet := s.load(customer, f.to.Addr().String(), nil)
	before := tracked(t)
	busy := s.loadDuring(t, f, customer)
	grown := tracked(t) - before
	t.Logf("%s: quiet %v; in the flood %v; %d connections more are tracked", f.to, quiet, busy, grown)
	if busy.share() < 0.9*quiet.share() || busy.loaded < 10 {
		t.Errorf("%s: pages in the flood: %v, without: %v", f.to, busy, quiet)
	}
	if grown > f.packets/50 {
		t.Errorf("%s: the flood left %d tracked connections", f.to, grown)
	}
}

// loadDuring loads pages for as long as a flood lasts.
func (s *site) loadDuring(t *testing.T, f flood, customer *lab.Host) loads {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f.run() }()
	var failed error
	busy := s.load(customer, f.to.Addr().String(), func() bool {
		select {
		case failed = <-done:
			return true
		default:
			return false
		}
	})
	must(t, failed)
	return busy
}

// tracked is how many connections conntrack has.
func tracked(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
	must(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, err)
	return n
}

// loads is what a customer got who asked for pages at a steady pace.
type loads struct {
	asked, loaded int
}

func (l loads) share() float64 { return float64(l.loaded) / float64(l.asked) }

func (l loads) String() string {
	return fmt.Sprintf("%d of %d pages", l.loaded, l.asked)
}

// load asks for a page every 40 ms, whether those before have come or not, for a
// dozen pages at least and until something is over, if it is said what.
func (s *site) load(from *lab.Host, server string, over func() bool) loads {
	const pace, least = 40 * time.Millisecond, 12
	var loaded atomic.Int64
	var open sync.WaitGroup
	var l loads
	for ; l.asked < least || over != nil && !over(); time.Sleep(pace) {
		l.asked++
		open.Add(1)
		go func() {
			defer open.Done()
			if s.visit(from, server) == nil {
				loaded.Add(1)
			}
		}()
	}
	open.Wait()
	l.loaded = int(loaded.Load())
	return l
}

// A client that uses its port again, while conntrack remembers the connection
// that it had there, is served: a busy NAT does so.
func TestSynProxyPortUsedAgain(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		expect(t, 0, "apply", proxied(t, true, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
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
						must(t, err)
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
		must(t, err)
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
	onBackends(t, func(t *testing.T) {
		expect(t, 0, "apply", proxied(t, true, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
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
			if seen := strings.Contains(tool(t, "ipset save hardenctl-seen-v4"), h.V4().String()); seen != scan.probe {
				t.Errorf("%s is a probe: %t, want %t", scan.flags, seen, scan.probe)
			}
		}
	})
}
