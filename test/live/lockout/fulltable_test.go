package lockout

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/conntrack"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A connection that is over leaves conntrack's table soon, so that visitors who
// stay within all limits do not fill it: none of these limits counts what is over.
func TestClosedConnectionIsForgotten(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		lab.Serve(t, "tcp", 443)
		for server, family := range map[string]netlink.InetFamily{lab.ServerV4: unix.AF_INET, lab.ServerV6: unix.AF_INET6} {
			lab.Await(t, "a visit of "+server, func() bool { return traffic.Connect(client, server, 443) == nil })
			lab.Await(t, "the end of a visit of "+server, func() bool {
				left, over := timeWait(t, family)
				if over && left > 10 {
					t.Fatalf("%s: a connection that is over stays for %d s", server, left)
				}
				return over
			})
		}
	})
}

// A UDP flow with answers leaves conntrack's table soon after its last datagram: an entry
// of one is not replaced in a full table, once it has lasted for two seconds.
func TestAnsweredFlowIsForgotten(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		lab.Serve(t, "udp", 443)
		for server, family := range map[string]netlink.InetFamily{lab.ServerV4: unix.AF_INET, lab.ServerV6: unix.AF_INET6} {
			c, err := client.Dial("udp", net.JoinHostPort(server, "443"), lab.Patience)
			require.NoError(t, err)
			defer c.Close()
			lasts := lastingFlows(t, family)
			lab.Await(t, "a flow that lasts at "+server, func() bool {
				c.Write([]byte("?")) // the kernel looks at the time at each datagram
				return lasts()
			})
			flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
			require.NoError(t, err)
			for _, f := range flows {
				if f.Forward.DstPort == 443 && f.TimeOut > 30 {
					t.Errorf("%s: a flow that has answers stays for %d s", server, f.TimeOut)
				}
			}
		}
	})
}

// lastingFlows returns what reports whether a datagram of a flow has come that conntrack
// calls assured.
func lastingFlows(t *testing.T, family netlink.InetFamily) func() bool {
	t.Helper()
	iptables := map[netlink.InetFamily]string{unix.AF_INET: "iptables", unix.AF_INET6: "ip6tables"}[family]
	rule := iptables + " -t mangle %s INPUT -p udp --dport 443 -m conntrack --ctstatus ASSURED"
	run.Tool(t, fmt.Sprintf(rule, "-A"))
	t.Cleanup(func() { run.Tool(t, fmt.Sprintf(rule, "-D")) })
	return func() bool {
		for line := range strings.Lines(run.Tool(t, iptables+" -t mangle -nvxL INPUT")) {
			if words := strings.Fields(line); strings.Contains(line, "ASSURED") && words[0] != "0" {
				return true
			}
		}
		return false
	}
}

// Thirty sources that open and close connections as fast as their limits allow leave room
// for an admin: none of what they closed blocks it. How many it takes to fill the
// table was measured by hand (builtin:base, conntrack_time_wait).
func TestAdminGetsInBesideClosedConnections(t *testing.T) {
	const each = 60
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		var all []string
		for i := range 30 {
			all = append(all, fmt.Sprintf("203.0.113.%d", 100+i), fmt.Sprintf("2001:db8:f:%x::1", 100+i))
		}
		crowd := network.Host("crowd", all...)
		admin := network.Host("admin", "192.0.2.20/24", "2001:db8:20::20")
		lab.Serve(t, "tcp", 22)
		lab.Serve(t, "tcp", 80)
		run.Expect(t, 0, "apply", testfile.Write(t, "web.toml", "version = 1\ninclude = [\"builtin:web\"]\naccess.admin = [\"192.0.2.20\", \"2001:db8:20::20\"]\n"),
			"--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, h := range []*lab.Host{crowd, admin} {
			traffic.Arrive(t, h)
		}
		for i, f := range traffic.Families {
			var visits sync.WaitGroup
			for at := i; at < len(all); at += len(traffic.Families) {
				visits.Add(1)
				go func() {
					defer visits.Done()
					for range each {
						c, err := crowd.DialFrom(netip.AddrPortFrom(netip.MustParseAddr(all[at]), 0), "tcp", net.JoinHostPort(f.Server, "80"), lab.Patience)
						if err != nil {
							t.Errorf("a visit of %s: %v", all[at], err)
							return
						}
						c.Close()
					}
				}()
			}
			for range each {
				if err := traffic.Connect(admin, f.Server, 22); err != nil {
					t.Errorf("the admin does not get in at %s: %v", f.Server, err)
				}
			}
			visits.Wait()
		}
	})
}

// timeWait is how many seconds conntrack keeps the connections of a family to port
// 443 that are over (TCP_CONNTRACK_TIME_WAIT, 7), and whether there are any.
func timeWait(t *testing.T, family netlink.InetFamily) (left uint32, any bool) {
	t.Helper()
	flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
	require.NoError(t, err)
	for _, f := range flows {
		if tcp, ok := f.ProtoInfo.(*netlink.ProtoInfoTCP); ok && tcp.State == 7 && f.Forward.DstPort == 443 {
			left, any = max(left, f.TimeOut), true
		}
	}
	return left, any
}

// A table of conntrack's that is full keeps new connections out, and is not a reason
// to refuse an apply: its own session goes on where conntrack knows it.
func TestApplyWithAFullTable(t *testing.T) {
	stage.Bare(t, "nft")
	client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
	run.Expect(t, 0, "apply", webserver.Variant(t), "--auto-approve", "--confirm-within", "0", "--no-guard")
	known := traffic.OpenStream(t, client, lab.ServerV4)
	known.GoesOn(t)
	fillTable(t)
	defer netlink.ConntrackTableFlush(netlink.ConntrackTable)
	if c, err := client.DialOnce(netip.AddrPort{}, net.JoinHostPort(lab.ServerV4, "443")); err == nil {
		c.Close()
		t.Error("a new connection finds room in a full table: this test shows nothing")
	}
	out := run.Expect(t, 0, "apply", webserver.Variant(t, `ports = ["tcp/80"]`, `ports = ["tcp/80", "tcp/8443"]`), "--auto-approve", "--confirm-within", "0", "--no-guard")
	require.Contains(t, out, "Applied.")
	known.GoesOn(t)
	known.End(t)
}

// fillTable has conntrack know as many connections as it may, all established. The
// entries are the namespace's, and go with it.
func fillTable(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_max")
	require.NoError(t, err)
	most, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	if most > 1<<20 {
		t.Skipf("a table of %d entries takes too long to fill", most)
	}
	began := time.Now()
	n, err := conntrack.Note(t.Context(), entries(0, most+1))
	if err != conntrack.ErrFull {
		t.Fatalf("%d entries and no end: %v", n, err)
	}
	t.Logf("%d entries in %v", n, time.Since(began))
}

// topUp fills the room of entries that were in the table before, and have ended.
func topUp(t *testing.T) {
	t.Helper()
	if n, err := conntrack.Note(t.Context(), entries(1<<24-1000, 1000)); err != conntrack.ErrFull && err != nil {
		t.Fatalf("%d entries more: %v", n, err)
	}
}

// entries are open connections to this host, from so many addresses.
func entries(first, count int) (many []probe.Connection) {
	near := netip.MustParseAddrPort("192.0.2.1:443")
	for i := first; i < first+count; i++ {
		far := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1024)
		many = append(many, probe.Connection{Near: near, Far: far, Inbound: true, State: probe.Established})
	}
	return many
}
