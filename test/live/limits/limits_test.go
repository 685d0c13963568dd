package limits

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// No client of the site meets a limit of builtin:web: not a
// browser, not an office of 200 behind one address, not a crawler. The kernel
// says so itself: the rules that refuse have counted nothing.
func TestCustomersMeetNoLimit(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		lab.Serve(t, "tcp", 443)
		lab.Serve(t, "udp", 443)
		for round, profile := range []string{"builtin:web", synflood.Proxied(t, true, "")} {
			run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
			for i, crowd := range []struct {
				who, v4, v6  string
				flows, users int
			}{
				{"browser", "192.0.2.%d/24", "2001:db8:%d::7", 30, 1},
				{"office", "192.0.2.%d/24", "2001:db8:%d::7", 6 * 200, 200},
				{"crawler", "66.249.64.%d", "2001:4860:4801:10::%d", 300, 0},
			} {
				number := 10 + 10*round + i
				h := network.Host(fmt.Sprintf("%s%d", crowd.who, number), fmt.Sprintf(crowd.v4, number), fmt.Sprintf(crowd.v6, number))
				for _, server := range []string{lab.ServerV4, lab.ServerV6} {
					if got := atOnce(h, "tcp", server, crowd.flows); got != crowd.flows {
						t.Errorf("%s -> %s: %d of %d connections", crowd.who, server, got, crowd.flows)
					}
					if got := atOnce(h, "udp", server, crowd.users); got != crowd.users {
						t.Errorf("%s -> %s: %d of %d UDP flows", crowd.who, server, got, crowd.users)
					}
				}
			}
			for limit, packets := range refusals(t) {
				if packets > 0 {
					t.Errorf("%s: the limit %q has refused %d packets", profile, limit, packets)
				}
			}
		}
	})
}

// firstWord is how long a test waits for the server's first word on a flow. A proxy
// accepts a SYN by itself, and the server may say nothing behind it for ever.
const firstWord = 20 * time.Second

// atOnce opens as many flows to port 443, keeps them all open, and returns how
// many of them the server spoke on.
func atOnce(from *lab.Host, protocol, server string, flows int) int {
	conns := held(from, protocol, server, flows, firstWord)
	hangUp(conns)
	return len(conns)
}

// held opens as many flows to port 443 and returns those that the server spoke
// on, open. A dialer gives up whose SYN was not accepted, or to which the server has
// said nothing for so long.
func held(from *lab.Host, protocol, server string, flows int, patience time.Duration) []net.Conn {
	const dialers = 32
	var open sync.WaitGroup
	turns := make(chan bool, flows)
	conns := make(chan net.Conn, flows)
	for range flows {
		turns <- true
	}
	close(turns)
	for range min(dialers, flows) {
		open.Add(1)
		go func() {
			defer open.Done()
			for range turns {
				c, err := dial(from, protocol, net.JoinHostPort(server, "443"))
				if err != nil {
					return
				}
				if !speaks(c, protocol, patience) {
					c.Close()
					return
				}
				conns <- c
			}
		}()
	}
	open.Wait()
	close(conns)
	var spoken []net.Conn
	for c := range conns {
		spoken = append(spoken, c)
	}
	return spoken
}

// dial opens a flow: a connection by one SYN.
func dial(from *lab.Host, protocol, address string) (net.Conn, error) {
	if protocol == "udp" {
		return from.Dial(protocol, address, lab.Patience)
	}
	return from.DialOnce(netip.AddrPort{}, address)
}

// speaks reports whether the server's first word comes; of UDP, the echo.
func speaks(c net.Conn, protocol string, patience time.Duration) bool {
	c.SetDeadline(time.Now().Add(patience))
	if protocol == "udp" {
		fmt.Fprint(c, "hello")
	}
	n, err := c.Read(make([]byte, 64))
	return err == nil && n > 0
}

// refusals are how many packets the rules of limits have refused, by their comments.
func refusals(t *testing.T) map[string]int {
	t.Helper()
	rule := regexp.MustCompile(`\[(\d+):\d+\] -A HARDENCTL-\S+ .*--comment "([^"]* per source|udp.new_per_source[^"]*)"? -j (?:DROP|HARDENCTL-DROP)`)
	counts := map[string]int{}
	for _, save := range []string{"iptables-save -c", "ip6tables-save -c"} {
		for _, found := range rule.FindAllStringSubmatch(run.Tool(t, save), -1) {
			n, _ := strconv.Atoi(found[1])
			counts[save+": "+found[2]] += n
		}
	}
	if len(counts) < 4 {
		t.Fatalf("only these limits refuse anything: %v", counts)
	}
	return counts
}

// tight is a profile with limits that a test can reach; %t is for the proxy.
const tight = `version = 1
include = ["builtin:base"]
[access]
exempt = ["66.249.64.5", "2001:4860:4801:10::5"]
[services.web]
ports = ["tcp/443"]
new_per_source = "20/second burst 100"
connections_per_source = 40
synproxy = %t
[services.dns]
ports = ["udp/443"]
`

// A source that has used up a limit is refused, and takes nothing from others;
// an exempt source has no limit.
func TestAttackerAtTheLimit(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		lab.Serve(t, "tcp", 443)
		lab.Serve(t, "udp", 443)
		customer := network.Host("customer", "192.0.2.20/24", "2001:db8:20::20")
		attacker := network.Host("attacker", "192.0.2.66/24", "2001:db8:66::66")
		crawler := network.Host("crawler", "66.249.64.5", "2001:4860:4801:10::5")
		for _, proxy := range []bool{true, false} {
			run.Expect(t, 0, "apply", testfile.Write(t, "tight.toml", fmt.Sprintf(tight, proxy)), "--auto-approve", "--confirm-within", "0", "--no-guard")
			for _, server := range []string{lab.ServerV4, lab.ServerV6} {
				overrun(t, attacker, server, func() {
					if got := atOnce(customer, "tcp", server, 30); got != 30 {
						t.Errorf("%s, proxy %t: the customer has %d of 30 connections", server, proxy, got)
					}
					// Of a burst of 10, an eighth is for the first visit of a day.
					if got := atOnce(customer, "udp", server, 9); got != 9 {
						t.Errorf("%s, proxy %t: the customer has %d of 9 UDP flows", server, proxy, got)
					}
				})
				if got := atOnce(crawler, "tcp", server, 80); got != 80 {
					t.Errorf("%s, proxy %t: the crawler has %d of 80 connections", server, proxy, got)
				}
			}
		}
	})
}

// overrun has the attacker hold more connections than it may while a test runs,
// and open more UDP flows.
func overrun(t *testing.T, attacker *lab.Host, server string, test func()) {
	t.Helper()
	const tries, allowed = 60, 40
	address := net.JoinHostPort(server, "443")
	conns := held(attacker, "tcp", server, tries, 3*traffic.Silence)
	defer hangUp(conns)
	for range 100 {
		if c, err := attacker.Dial("udp", address, lab.Patience); err == nil {
			fmt.Fprint(c, "hello")
			c.Close()
		}
	}
	if n := len(conns); n > allowed || n < allowed/2 {
		t.Errorf("%s: the attacker holds %d connections, and %d are allowed", server, n, allowed)
	}
	test()
}

// SYNs with a customer's forged address use up the customer's limit, unless
// a proxy asks first whether the customer sent them. A limit that is used up has
// nothing again for a minute.
func TestForgedSYNsUseNoClientsLimit(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		lab.Serve(t, "tcp", 443)
		customer := network.Host("customer", "192.0.2.20/24", "2001:db8:20::20")
		attacker := network.Host("attacker", "192.0.2.66/24", "2001:db8:66::66")
		for _, proxy := range []bool{true, false} {
			run.Expect(t, 0, "apply", testfile.Write(t, "tight.toml", strings.Replace(fmt.Sprintf(tight, proxy), "20/second", "60/hour", 1)), "--auto-approve", "--confirm-within", "0", "--no-guard")
			for _, to := range []struct {
				victim netip.Addr
				server string
			}{{customer.V4(), lab.ServerV4}, {customer.V6(), lab.ServerV6}} {
				require.NoError(t, attacker.Forge(inTheNameOf(to.victim, 2000)...))
				if err := traffic.Connect(customer, to.server, 443); (err == nil) != proxy {
					t.Errorf("%s, proxy %t: the customer: %v", to.server, proxy, err)
				}
			}
		}
	})
}

// inTheNameOf makes SYNs to port 443, each from another port of the victim's.
func inTheNameOf(victim netip.Addr, count int) []lab.Segment {
	segments := make([]lab.Segment, count)
	for i := range segments {
		segments[i] = traffic.SYN(victim, 443)
		segments[i].From = netip.AddrPortFrom(victim, uint16(20000+i))
	}
	return segments
}

// One who floods echo requests gets few answers, and takes none from others.
func TestEchoAtTheLimit(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		customer := network.Host("customer", "192.0.2.20/24", "2001:db8:20::20")
		attacker := network.Host("attacker", "192.0.2.66/24", "2001:db8:66::66")
		profile := testfile.Write(t, "echo.toml", "version = 1\ninclude = [\"builtin:base\"]\n[icmp]\necho_per_source = \"6/hour burst 8\"\n")
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			if got := traffic.Echoes(t, attacker, server, 50, "0.005"); got < 7 || got > 8 { // of a burst, an eighth is for the first visit

				t.Errorf("%s: %d of 50 requests of a flood were answered", server, got)
			}
			if got := traffic.Echoes(t, customer, server, 3, "0.1"); got != 3 {
				t.Errorf("%s: %d of 3 requests were answered", server, got)
			}
		}
	})
}
