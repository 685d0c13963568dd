package live

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/host/conntrack"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// A connection that is over leaves conntrack's table soon, so that visitors who
// stay within all limits do not fill it: none of these limits counts what is over.
func TestClosedConnectionIsForgotten(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		lab.Serve(t, "tcp", 443)
		for server, family := range map[string]netlink.InetFamily{lab.ServerV4: unix.AF_INET, lab.ServerV6: unix.AF_INET6} {
			lab.Await(t, "a visit of "+server, func() bool { return connect(client, server, 443) == nil })
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

// timeWait is how many seconds conntrack keeps the connections of a family to port
// 443 that are over (TCP_CONNTRACK_TIME_WAIT, 7), and whether there are any.
func timeWait(t *testing.T, family netlink.InetFamily) (left uint32, any bool) {
	t.Helper()
	flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
	must(t, err)
	for _, f := range flows {
		if tcp, ok := f.ProtoInfo.(*netlink.ProtoInfoTCP); ok && tcp.State == 7 && f.Forward.DstPort == 443 {
			left, any = max(left, f.TimeOut), true
		}
	}
	return left, any
}

// A table of conntrack's that is full keeps new connections out, and is no reason
// to refuse an apply: its own session goes on where conntrack knows it.
func TestApplyWithAFullTable(t *testing.T) {
	bare(t, "nft")
	client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
	expect(t, 0, "apply", variant(t), "--auto-approve", "--confirm-within", "0", "--no-guard")
	known := openStream(t, client, lab.ServerV4)
	known.goesOn(t)
	fillTable(t)
	defer netlink.ConntrackTableFlush(netlink.ConntrackTable)
	if c, err := client.DialOnce(netip.AddrPort{}, net.JoinHostPort(lab.ServerV4, "443")); err == nil {
		c.Close()
		t.Error("a new connection finds room in a full table: this test shows nothing")
	}
	out := expect(t, 0, "apply", variant(t, `ports = ["tcp/80"]`, `ports = ["tcp/80", "tcp/8443"]`), "--auto-approve", "--confirm-within", "0", "--no-guard")
	contains(t, out, "Applied.")
	known.goesOn(t)
	known.end(t)
}

// fillTable has conntrack know as many connections as it may, all established. The
// entries are the namespace's, and go with it.
func fillTable(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_max")
	must(t, err)
	most, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, err)
	if most > 1<<20 {
		t.Skipf("a table of %d entries takes too long to fill", most)
	}
	began := time.Now()
	var many []probe.Connection
	near := netip.MustParseAddrPort("192.0.2.1:443")
	for i := range most + 1 {
		far := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1024)
		many = append(many, probe.Connection{Near: near, Far: far, Inbound: true, State: probe.Established})
	}
	n, err := conntrack.Note(t.Context(), many)
	if err != conntrack.ErrFull {
		t.Fatalf("%d entries and no end: %v", n, err)
	}
	t.Logf("%d entries in %v", n, time.Since(began))
}
