package limits

import (
	"fmt"
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

const trusting = `version = 1
include = ["builtin:base"]
[zones.vpn]
interfaces = ["tun-+"]
trust = %s
[access]
block = ["10.8.0.0/24", "fd08::/64"]
[services.ssh]
ports = ["tcp/22"]
new_per_source = "1 in 1h"
[services.web]
ports = ["tcp/80"]
synproxy = true
connections_per_source = 1
[services.names]
ports = ["udp/5300"]
[icmp]
echo_per_source = "1/hour burst 1"
[udp]
packets_per_source = "1/hour burst 1"
[scan]
probes = 2
tripwires = ["tcp/23"]
stealth = true
`

// What a zone's trust states reaches every port and protocol, past blocklist, limits, bans and
// tripwires, and also through the fallback rules. The same addresses forged by another interface
// reach nothing, and others by the zone are what they are without it.
func TestTrust(t *testing.T) {
	for name, trust := range map[string]string{"all": `"all"`, "addresses": `["10.8.0.2", "fd08::2"]`} {
		t.Run(name, func(t *testing.T) {
			stage.OnBackends(t, func(t *testing.T) { trusts(t, trust) })
		})
	}
}

func trusts(t *testing.T, trust string) {
	t.Helper()
	peer := lab.NewNetwork(t).Host("peer", "192.0.2.31/24", "2001:db8::31/64")
	for _, port := range []int{22, 80, 9999} {
		lab.Serve(t, "tcp", port)
	}
	names := lab.Serve(t, "udp", 5300)
	tunnel(t, peer)
	profile := testfile.Write(t, "trust.toml", fmt.Sprintf(trusting, trust))
	run.Expect(t, 0, "apply", profile, "--auto-approve", "--no-guard", "--confirm-within", "0")
	run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
	for i, server := range tunnelServer {
		own := tunnelPeer[i].Addr()
		reachesAll(t, peer, own, server.Addr().String())
		require.Contains(t, run.Expect(t, 0, "explain", fmt.Sprintf("tcp %s -> :23 syn in tun-7", netip.AddrPortFrom(own, 40000)), profile), "zones.vpn.trust")
		if banset.Member(t, "callers", own) || banset.Banned(t, own) {
			t.Errorf("%s is counted or banned", own)
		}
	}
	before := names.Count()
	for i, server := range []string{lab.ServerV4, lab.ServerV6} {
		traffic.Refused(t, peer, server, 9999)
		// By eth0, from the address that is trusted by the tunnel.
		if asks(t, peer, tunnelPeer[i].Addr(), server, traffic.Silence) || names.Count() != before {
			t.Errorf("%s is trusted by another interface", tunnelPeer[i].Addr())
		}
	}
	all := strings.HasPrefix(trust, `"`)
	if !all {
		othersByTheZone(t, peer)
	}
	for _, server := range tunnelServer { // with the address that the peer has by eth0
		if arrives(t, peer, server.Addr().String(), 112, nil) != all {
			t.Errorf("VRRP at %s: it arrives: %t", server.Addr(), !all)
		}
	}
	for i, tool := range []string{"iptables-restore /etc/hardenctl/closed.v4", "ip6tables-restore /etc/hardenctl/closed.v6"} {
		run.Tool(t, tool)
		traffic.Reaches(t, peer, tunnelServer[i].Addr().String(), 9999, 2)
		traffic.Refused(t, peer, []string{lab.ServerV4, lab.ServerV6}[i], 80)
	}
}

// reachesAll asks for everything that a limit, a ban, a blocklist or a policy refuses others.
func reachesAll(t *testing.T, peer *lab.Host, own netip.Addr, server string) {
	t.Helper()
	for port := 23; port < 33; port++ {
		_, err := peer.DialOnce(netip.AddrPortFrom(own, 0), net.JoinHostPort(server, fmt.Sprint(port)))
		if err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s at the closed port %d: %v", server, port, err)
		}
	}
	for _, port := range []int{22, 80, 9999} {
		traffic.Reaches(t, peer, server, port, 4)
	}
	for range 5 {
		if !asks(t, peer, own, server, lab.Patience) {
			t.Errorf("no answer of UDP from %s", server)
		}
	}
	if got := traffic.Echoes(t, peer, server, 5, "0.1"); got != 5 {
		t.Errorf("%d of 5 pings of %s were answered", got, server)
	}
}

// othersByTheZone holds that an address which trust does not state is one like any other.
func othersByTheZone(t *testing.T, peer *lab.Host) {
	t.Helper()
	for i, text := range []string{"10.8.0.3/24", "fd08::3/64"} {
		other := netip.MustParsePrefix(text)
		run.Tool(t, fmt.Sprintf("ip -n %s address add %s dev tun-7 nodad", peer.Name(), other))
		c, err := peer.DialOnce(netip.AddrPortFrom(other.Addr(), 0), net.JoinHostPort(tunnelServer[i].Addr().String(), "9999"))
		if err == nil {
			c.Close()
			t.Errorf("%s is trusted", other.Addr())
		}
		run.Tool(t, fmt.Sprintf("ip -n %s address del %s dev tun-7", peer.Name(), other))
	}
}
