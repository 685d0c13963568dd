package lockout

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// withAdmin is a profile with an admin, at SSH and at the website.
func withAdmin(t *testing.T, untracked bool) string {
	t.Helper()
	return webserver.OverWeb(t, fmt.Sprintf("[access]\nadmin = [\"192.0.2.20\", \"2001:db8::20\"]\nadmin_untracked = %v\n[services.https]\nadmin = true\n", untracked))
}

// meetsUntracked makes an admin, another client, and the services of the profile.
func meetsUntracked(t *testing.T) (admin, client *lab.Host) {
	t.Helper()
	network := lab.NewNetwork(t)
	admin, client = network.Host("admin", "192.0.2.20/24", "2001:db8::20/64"), network.Host("client", "203.0.113.7", "2001:db8:f::7")
	lab.Serve(t, "tcp", 22)
	lab.Serve(t, "tcp", 80)
	return admin, client
}

// While conntrack's table is full, no connection gets in that it has to see. An
// admin whose connections it does not see does.
func TestAdminGetsInWithAFullTable(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		admin, client := meetsUntracked(t)
		for _, untracked := range []bool{false, true} {
			run.Expect(t, 0, "apply", withAdmin(t, untracked), "--auto-approve", "--confirm-within", "0")
			traffic.Arrive(t, admin)
			traffic.Arrive(t, client)
			// Entries of what has ended would leave, and make room, while we look.
			require.NoError(t, netlink.ConntrackTableFlush(netlink.ConntrackTable))
			fillTable(t)
			for _, f := range traffic.Families {
				topUp(t)
				traffic.Refused(t, client, f.Server, 22)
				if untracked {
					traffic.Reaches(t, admin, f.Server, 22, 3)
				} else {
					traffic.Refused(t, admin, f.Server, 22)
				}
			}
			require.NoError(t, netlink.ConntrackTableFlush(netlink.ConntrackTable))
		}
	})
}

// Conntrack does not see what an admin sends to an admin service by TCP, and the
// answers. It sees all else: other ports of an admin, and other sources.
func TestOnlyAdminsAreUntracked(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		admin, client := meetsUntracked(t)
		run.Expect(t, 0, "apply", withAdmin(t, true), "--auto-approve", "--confirm-within", "0", "--no-guard")
		traffic.Arrive(t, admin)
		traffic.Arrive(t, client)
		require.NoError(t, netlink.ConntrackTableFlush(netlink.ConntrackTable))
		for _, f := range traffic.Families {
			for _, c := range []struct {
				from *lab.Host
				port int
				want bool
			}{{admin, 22, false}, {admin, 80, true}, {client, 22, true}} {
				if err := traffic.Connect(c.from, f.Server, c.port); err != nil {
					t.Fatalf("%s at port %d: %v", c.from.Name(), c.port, err)
				}
				if got := tracks(t, f, traffic.AddressOf(c.from, f), uint16(c.port)); got != c.want {
					t.Errorf("conntrack sees %s at port %d: %v, want %v", c.from.Name(), c.port, got, c.want)
				}
			}
			traffic.Refused(t, admin, f.Server, 8443)
		}
	})
}

// tracks reports whether conntrack has an entry from an address to a port, in either
// direction.
func tracks(t *testing.T, f traffic.Family, from netip.Addr, port uint16) bool {
	t.Helper()
	family := netlink.InetFamily(unix.AF_INET)
	if f.V6 {
		family = unix.AF_INET6
	}
	flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
	require.NoError(t, err)
	for _, flow := range flows {
		for _, way := range []netlink.IPTuple{flow.Forward, flow.Reverse} {
			if way.SrcIP.Equal(from.AsSlice()) && way.DstPort == port {
				return true
			}
		}
	}
	return false
}

// An admin's connection goes on when conntrack is told to see it no more, when it
// is told to see it again, and when a trial of either is reverted.
func TestAdminConnectionsGoOnUntracked(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		admin, _ := meetsUntracked(t)
		for _, f := range traffic.Families {
			for _, first := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/untracked=%v", f.Server, first), func(t *testing.T) {
					run.Expect(t, 0, "apply", withAdmin(t, first), "--auto-approve", "--confirm-within", "0", "--no-guard")
					open := traffic.OpenStream(t, admin, f.Server)
					open.GoesOn(t)
					for _, end := range []string{"revert", "confirm --same-session"} {
						run.Expect(t, 0, "apply", withAdmin(t, !first), "--auto-approve", "--confirm-within", "10m", "--no-guard")
						open.GoesOn(t)
						run.Expect(t, 0, strings.Fields(end)...)
						open.GoesOn(t)
					}
					open.End(t)
				})
			}
		}
	})
}

// An admin behind a narrow link gets long answers too: a router's word on the size
// of packets is about no connection that conntrack knows, and counts all the same.
func TestUntrackedAdminLearnsMTU(t *testing.T) {
	const length = 200_000
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		admin := network.Host("admin", "192.0.2.20/24", "2001:db8::20/64")
		router := network.Host("router", "192.0.2.254/24", "2001:db8::254/64")
		for _, line := range []string{
			"sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0",
			"ip route add 192.0.2.20/32 dev eth0 mtu lock 1400", "ip -6 route add 2001:db8::20/128 dev eth0 mtu lock 1400",
		} {
			words := strings.Fields(line)
			require.NoError(t, router.Command(t.Context(), words[0], words[1:]...).Run())
		}
		run.Tool(t, "ip route add 192.0.2.20/32 via 192.0.2.254")
		run.Tool(t, "ip -6 route add 2001:db8::20/128 via 2001:db8::254")
		listener, err := net.Listen("tcp", ":22")
		require.NoError(t, err)
		defer listener.Close()
		go func() {
			for c, err := listener.Accept(); err == nil; c, err = listener.Accept() {
				c.Write(make([]byte, length)) // the reader counts
				c.Close()
			}
		}()
		run.Expect(t, 0, "apply", withAdmin(t, true), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, f := range traffic.Families {
			c, err := admin.Dial("tcp", net.JoinHostPort(f.Server, "22"), lab.Patience)
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, c.SetDeadline(time.Now().Add(lab.Patience)))
			if n, err := io.Copy(io.Discard, c); n != length || err != nil {
				t.Errorf("%s: %d of %d bytes come: %v", f.Server, n, length, err)
			}
			if path := run.Tool(t, "ip route get "+traffic.AddressOf(admin, f).String()); !strings.Contains(path, "mtu 1400") {
				t.Errorf("the host does not learn what the path takes: %s", path)
			}
		}
	})
}
