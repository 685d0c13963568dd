package lockout

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/wire"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// The one who applies by a tunnel is tried by the tunnel: SSH in its zone alone is right for
// him, and SSH in another zone locks him out, by IPv4 and by IPv6, unless the tunnel is trusted.
func TestGuardByInterface(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		caller, d := lab.NewNetwork(t).Host("caller", callerV4, callerV6), newSSHD(t)
		ways := map[string]string{"10.8.0.1": "10.8.0.2", "fd08::1": "fd08::2"}
		byTunnel(t, caller, ways)
		const zones = "[zones]\nvpn.interfaces = [\"wg0\"]\nlan.interfaces = [\"eth0\"]\n[access]\nadmin = [\"10.8.0.0/24\", \"fd08::/64\"]\n"
		vpn := zones + "[services.ssh]\nzones = [\"vpn\"]\n[services.http]\nzones = [\"lan\"]\n"
		lan := zones + "[services.ssh]\nzones = [\"lan\"]\n[services.http]\nzones = [\"vpn\"]\n"
		for server, own := range ways {
			out, code := d.apply(t, caller, server, webserver.OverWeb(t, lan))
			if code != 1 {
				t.Errorf("exit %d", code)
			}
			require.Contains(t, out, "this would lock out "+own+" (your SSH connection) at tcp/22: a new connection would be refused")
		}
		trusted := strings.Replace(lan, "vpn.interfaces = [\"wg0\"]", "vpn = { interfaces = [\"wg0\"], trust = [\"10.8.0.0/24\", \"fd08::/64\"] }", 1)
		trusted = strings.Replace(trusted, "[services.http]\nzones = [\"vpn\"]\n", "", 1)
		for _, profile := range []string{trusted, vpn} {
			for server := range ways {
				if out, code := d.apply(t, caller, server, webserver.OverWeb(t, profile)); code != 0 {
					t.Errorf("exit %d:\n%s", code, out)
				}
				d.logsIn(t, caller, server)
			}
		}
		for server, own := range callers {
			conn, err := caller.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr(server), 22).String(), lab.Patience/10)
			if err == nil {
				conn.Close()
				t.Errorf("%s reaches SSH by eth0", own)
			}
		}
	})
}

// Admin addresses of a tunnel that does not exist yet are tried as if they came by it.
func TestGuardBeforeTheInterface(t *testing.T) {
	stage.Bare(t, lab.Backends[0])
	lab.NewNetwork(t)
	newSSHD(t)
	const vpn = "[zones.vpn]\ninterfaces = [\"wg+\"]\n[access]\nadmin = [\"10.8.0.2\", \"fd08::2\"]\nadmin_untracked = true\n[services.ssh]\nzones = [\"vpn\"]\n"
	out := run.Expect(t, 0, "apply", webserver.OverWeb(t, vpn), "--auto-approve", "--confirm-within", "0")
	require.Contains(t, out, "10.8.0.2 was tried by wg0, which does not exist yet", "fd08::2 was tried by wg0, which does not exist yet", "zones.vpn: no interface that begins with wg yet")
}

// byTunnel joins a host to the server by a second interface; ways are the host's addresses
// there by those of the server.
func byTunnel(t *testing.T, to *lab.Host, ways map[string]string) {
	t.Helper()
	run.Tool(t, "ip link add wg0 type veth peer name wg0 netns "+to.Name())
	t.Cleanup(func() { wire.Remove("wg0") })
	for server, own := range ways {
		require.NoError(t, settle(server))
		require.NoError(t, to.Do(func() error { return settle(own) }))
	}
	for server := range ways {
		lab.Await(t, "a way through the tunnel", func() bool {
			conn, err := to.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr(server), 22).String(), lab.Patience)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
	}
}

// settle gives wg0 an address with the network around it.
func settle(text string) error {
	if err := wire.Up("wg0"); err != nil {
		return err
	}
	a := netip.MustParseAddr(text)
	length := 24
	if a.Is6() {
		length = 64
	}
	return wire.Address("wg0", netip.PrefixFrom(a, length))
}
