package nics

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/forwarding"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// What a neighbour on the link, or a forger, can do with the host's own network: get
// all of fe80::/64 banned, make the path to others narrow, and learn addresses of the
// inside by ARP. Without rules the last two work, which is looked at first.
func TestLinkNeighboursLearnNothing(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		neighbour := lab.NewNetwork(t).Host("neighbour", "192.0.2.66/24", "2001:db8::66/64")
		forwarding.AddInside(t)
		forwarding.ForwardPorts(t)
		answersAllARP(t)
		run.Tool(t, "ip -n neighbour route add 10.9.0.1 dev eth0")
		forgeTooBig(t, neighbour, "2001:db8::501")
		if narrow, finds := narrowed(t, "2001:db8::501"), findsByARP(t, neighbour); !narrow || !finds {
			t.Fatalf("without rules a forged packet counts: %v, the inside answers ARP: %v; want both, or this test shows nothing", narrow, finds)
		}
		run.Expect(t, 0, "apply", testfile.Write(t, "gateway.toml", forwarding.Profile), "--auto-approve", "--confirm-within", "0", "--no-guard")
		forgeTooBig(t, neighbour, "2001:db8::502")
		if narrowed(t, "2001:db8::502") {
			t.Error("a forged \"packet too big\" narrows a path")
		}
		if findsByARP(t, neighbour) {
			t.Error("an address of the inside answers ARP outside")
		}
		probesFromLink(t, neighbour)
	})
}

// answersAllARP is what the kernel does by itself. What a profile says of it outlives
// the profile.
func answersAllARP(t *testing.T) {
	t.Helper()
	set := func() {
		paths, err := filepath.Glob("/proc/sys/net/ipv4/conf/*/arp_ignore")
		require.NoError(t, err)
		for _, path := range paths {
			require.NoError(t, os.WriteFile(path, []byte("0"), 0))
		}
	}
	set()
	t.Cleanup(set)
}

// forgeTooBig says, in the name of no router, that an echo request of the server to
// another host was too big.
func forgeTooBig(t *testing.T, from *lab.Host, victim string) {
	t.Helper()
	message := make([]byte, 8+40+8)
	message[0] = 2
	message[6], message[7] = 1280>>8, 1280&0xff
	quoted := message[8:]
	quoted[0], quoted[5], quoted[6], quoted[7], quoted[40] = 6<<4, 8, 58, 64, 128
	copy(quoted[8:], netip.MustParseAddr(lab.ServerV6).AsSlice())
	copy(quoted[24:], netip.MustParseAddr(victim).AsSlice())
	require.NoError(t, from.Do(func() error {
		c, err := net.ListenPacket("ip6:ipv6-icmp", from.V6().String())
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.WriteTo(message, &net.IPAddr{IP: net.ParseIP(lab.ServerV6)})
		return err
	}))
	lab.Drain()
}

// narrowed reports whether the server has taken over the MTU of a forged packet.
func narrowed(t *testing.T, victim string) bool {
	t.Helper()
	return strings.Contains(run.Tool(t, "ip -6 route get "+victim), "mtu 1280")
}

// findsByARP reports whether the server says where the gateway's inner address is.
func findsByARP(t *testing.T, from *lab.Host) bool {
	t.Helper()
	from.Command(t.Context(), "ip", "neigh", "flush", "dev", "eth0").Run()
	from.Command(t.Context(), "ping", "-c", "1", "-W", "1", "10.9.0.1").Run() // the answer says nothing: ARP does
	out, err := from.Command(t.Context(), "ip", "neigh", "show", "10.9.0.1").Output()
	require.NoError(t, err)
	return strings.Contains(string(out), "lladdr")
}

// probesFromLink sends more probes than are free from one link-local address.
func probesFromLink(t *testing.T, from *lab.Host) {
	t.Helper()
	source := netip.MustParseAddr("fe80::66")
	require.NoError(t, from.Do(func() error {
		p, err := prober.New("eth0", net.HardwareAddr{2, 0, 0, 0, 0, 1})
		if err != nil {
			return err
		}
		defer p.Close()
		for i := range uint16(15) {
			to := netip.AddrPortFrom(netip.MustParseAddr(lab.ServerV6), 7000+i)
			if err := p.Send(prober.Packet{From: netip.AddrPortFrom(source, 41000), To: to, Flags: prober.SYN, Maker: prober.Linux}); err != nil {
				return err
			}
		}
		return nil
	}))
	lab.Await(t, "15 refused probes of a neighbour", func() bool { return traffic.Packets(t, 6, "HARDENCTL-SORT", "HARDENCTL-DROP-SCAN") >= 15 })
	if banset.Banned(t, source) {
		t.Error("15 probes of one neighbour ban fe80::/64")
	}
}
