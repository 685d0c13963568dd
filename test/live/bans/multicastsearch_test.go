package bans

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// home is a server among devices, one of which is trusted and one blocked. fail2ban
// puts others in jail. Bans and jails leave the services, and so come late.
const home = `version = 1
include = ["builtin:server"]

[access]
exempt = ["192.0.2.41", "2001:db8:41::/64"]
block = ["192.0.2.42", "2001:db8:42::/64"]

[scan]
scope = "hidden"

[fail2ban]
scope = "hidden"
`

// searchedAt is where devices are searched for (UPnP Device Architecture 2.0, section
// 1.3). An IPv6 question to the site has an address of the site for its source.
var searchedAt = []string{"239.255.255.250:1900", "[ff05::c%eth0]:1900"}

// What answers this host's own searches arrives, unless its source is blocked, jailed
// or banned, and bans no source. It reaches the port that asked, and no other that is bound.
func TestSearchIsAnswered(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		television := network.Host("television", "192.0.2.40/24", "2001:db8:40::40")
		printer := network.Host("printer", "192.0.2.41/24", "2001:db8:41::41")
		blocked := network.Host("blocked", "192.0.2.42/24", "2001:db8:42::42")
		refused := []*lab.Host{
			blocked,
			network.Host("jailed", "192.0.2.43/24", "2001:db8:43::43"),
			network.Host("banned", "192.0.2.44/24", "2001:db8:44::44"),
		}
		run.Tool(t, "ip route add 239.255.255.250 dev "+lab.ServerInterface)
		run.Expect(t, 0, "apply", testfile.Write(t, "home.toml", home), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for family := range traffic.Families {
			for i, set := range []string{"jail", "ban"} {
				name, source := banset.SourceSet(set, traffic.Addresses(refused[i+1])[family])
				run.Tool(t, "ipset add "+name+" "+source.String())
			}
		}
		everybody := append(refused, television, printer)
		for family, network := range []string{"udp4", "udp"} { // udp is of both families
			asks, bound, low := binds(t, network, ":0"), binds(t, network, ":0"), binds(t, network, []string{":5353", ":5354"}[family])
			arrive := func(at *net.UDPConn, want int, when string) {
				t.Helper()
				if got := count(t, at, func() { answer(t, family, at, everybody...) }); got != want {
					t.Errorf("%s: %d answers arrive at %v %s, want %d", network, got, at.LocalAddr(), when, want)
				}
			}
			arrive(asks, 0, "before the question")
			search(t, family, asks, low)
			arrive(asks, 2, "after it")
			arrive(bound, 0, "where nothing was asked")
			arrive(low, 0, "though it is not a client's port")
			for range 12 {
				again := binds(t, network, ":0")
				search(t, family, again)
				again.Close()
				answer(t, family, again, television, printer)
			}
			for _, h := range []*lab.Host{television, printer} {
				if banset.Banned(t, traffic.Addresses(h)[family]) {
					t.Errorf("%s: the %s is banned", network, h.Name())
				}
			}
		}
	})
}

// binds opens a socket of the server on no address of its own.
func binds(t *testing.T, network, at string) *net.UDPConn {
	t.Helper()
	address, err := net.ResolveUDPAddr(network, at)
	require.NoError(t, err)
	socket, err := net.ListenUDP(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { socket.Close() })
	return socket
}

// search asks all devices from each of the sockets.
func search(t *testing.T, family int, sockets ...*net.UDPConn) {
	t.Helper()
	for _, s := range sockets {
		_, err := s.WriteToUDPAddrPort([]byte("M-SEARCH * HTTP/1.1\r\n\r\n"), netip.MustParseAddrPort(searchedAt[family]))
		require.NoError(t, err)
	}
}

// answer has devices send to the port of a socket.
func answer(t *testing.T, family int, to *net.UDPConn, from ...*lab.Host) {
	t.Helper()
	port := to.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	at := netip.AddrPortFrom(netip.MustParseAddr(traffic.Families[family].Server), port)
	for _, h := range from {
		source := netip.AddrPortFrom(traffic.Addresses(h)[family], 1900)
		require.NoError(t, h.Do(func() error {
			socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(source))
			if err != nil {
				return err
			}
			defer socket.Close()
			_, err = socket.WriteToUDPAddrPort([]byte(strings.Repeat("x", 8)), at)
			return err
		}))
	}
}
