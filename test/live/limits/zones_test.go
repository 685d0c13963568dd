package limits

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/wire"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// The addresses of a second network, to which the server has an interface of its own.
var (
	tunnelServer = []netip.Prefix{netip.MustParsePrefix("10.8.0.1/24"), netip.MustParsePrefix("fd08::1/64")}
	tunnelPeer   = []netip.Prefix{netip.MustParsePrefix("10.8.0.2/24"), netip.MustParsePrefix("fd08::2/64")}
)

const inZones = `version = 1
include = ["builtin:base"]
[zones.vpn]
interfaces = ["tun-+"]
[zones.lan]
interfaces = ["lan0"]
[services.web]
ports = ["tcp/80"]
[services.ssh]
ports = ["tcp/22"]
zones = ["vpn"]
[services.names]
ports = ["udp/5300"]
from = ["10.8.0.0/24", "fd08::/64"]
zones = ["vpn"]
[services.pair]
protocols = ["vrrp"]
zones = ["vpn", "lan"]
[scan]
probes = 2
scope = "hidden"
`

// A service in a zone is open by the zone's interfaces alone, also by one that appears after
// the apply. By another interface its ports are closed: what comes there is a probe, and
// an address of the zone helps nobody who forges it.
func TestZones(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) { opensInZones(t, inZones) })
}

// A set that counts in a zone alone lets in its addresses by the zone's interfaces alone.
func TestSetOfZone(t *testing.T) {
	const set = "[sets.tunnel]\naddresses = [\"10.8.0.0/24\", \"fd08::/64\"]\nzone = \"vpn\"\n"
	profile := strings.Replace(inZones, "from = [\"10.8.0.0/24\", \"fd08::/64\"]\nzones = [\"vpn\"]\n", "from = [\"@tunnel\", \"192.0.2.32\"]\n", 1) + set
	stage.OnBackends(t, func(t *testing.T) { opensInZones(t, profile) })
}

func opensInZones(t *testing.T, text string) {
	t.Helper()
	network := lab.NewNetwork(t)
	peer, forger := network.Host("peer", "192.0.2.31/24", "2001:db8::31/64"), network.Host("forger", "10.8.0.77", "fd08::77")
	for _, port := range []int{22, 80} {
		lab.Serve(t, "tcp", port)
	}
	names := lab.Serve(t, "udp", 5300)
	profile := testfile.Write(t, "zones.toml", text)
	out := run.Expect(t, 0, "apply", profile, "--auto-approve", "--no-guard", "--confirm-within", "0")
	require.Contains(t, out, "zones.vpn: no interface that begins with tun- yet", "zones.lan: no interface lan0 yet")
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		traffic.Refused(t, peer, server, 22)
		traffic.Reaches(t, peer, server, 80, 1)
	}
	tunnel(t, peer)
	for i, server := range tunnelServer {
		a := server.Addr().String()
		traffic.Reaches(t, peer, a, 22, 3)
		traffic.Reaches(t, peer, a, 80, 1)
		if !asks(t, peer, tunnelPeer[i].Addr(), a, lab.Patience) {
			t.Errorf("no answer by the tunnel from %s", a)
		}
		if !arrives(t, peer, a, 112, nil) {
			t.Errorf("VRRP does not arrive by the tunnel at %s", a)
		}
	}
	before := names.Count()
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		own := forger.V4()
		if strings.Contains(server, ":") {
			own = forger.V6()
		}
		if asks(t, forger, own, server, traffic.Silence) {
			t.Errorf("%s is served by another interface", own)
		}
		if arrives(t, forger, server, 112, nil) {
			t.Errorf("VRRP of %s arrives by another interface", own)
		}
	}
	if got := names.Count(); got != before {
		t.Errorf("%d datagrams from forged addresses arrived", got-before)
	}
	require.Contains(t, run.Expect(t, 0, "plan", profile), "zones.lan: no interface lan0 yet")
	if out := run.Expect(t, 0, "plan", profile, "--detailed-exitcode"); strings.Contains(out, "zones.vpn") {
		t.Errorf("the interface of zones.vpn is there:\n%s", out)
	}
	countsElsewhere(t, network)
}

// countsElsewhere holds that the port of a service in a zone counts as any closed port by an
// interface that is not of the zone.
func countsElsewhere(t *testing.T, network *lab.Bench) {
	t.Helper()
	scanner := network.Host("scanner", "192.0.2.66/24")
	for _, port := range []int{22, 23, 24} {
		traffic.Refused(t, scanner, lab.ServerV4, port)
	}
	lab.Await(t, "a ban of the scanner", func() bool {
		return strings.Contains(run.Tool(t, "ipset list hardenctl-ban-v4"), scanner.V4().String())
	})
}

// tunnel gives the server a second interface, which leads to a host.
func tunnel(t *testing.T, to *lab.Host) {
	t.Helper()
	run.Tool(t, "ip link add tun-7 type veth peer name tun-7 netns "+to.Name())
	t.Cleanup(func() { wire.Remove("tun-7") })
	settle := func(own []netip.Prefix) error {
		if err := wire.Up("tun-7"); err != nil {
			return err
		}
		for _, p := range own {
			if err := wire.Address("tun-7", p); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, settle(tunnelServer))
	require.NoError(t, to.Do(func() error { return settle(tunnelPeer) }))
	lab.Await(t, "a way through the tunnel", func() bool { return traffic.Connect(to, tunnelServer[0].Addr().String(), 80) == nil })
	lab.Await(t, "a way through the tunnel", func() bool { return traffic.Connect(to, tunnelServer[1].Addr().String(), 80) == nil })
}

// asks reports whether a datagram to port 5300 is answered within some time.
func asks(t *testing.T, from *lab.Host, own netip.Addr, server string, wait time.Duration) bool {
	t.Helper()
	c, err := from.DialFrom(netip.AddrPortFrom(own, 0), "udp", net.JoinHostPort(server, "5300"), lab.Patience)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("?"))
	require.NoError(t, err)
	c.SetReadDeadline(time.Now().Add(wait))
	_, err = c.Read(make([]byte, 10))
	return err == nil
}
