package forward

import (
	"io"
	"net"
	"net/netip"
	"os/exec"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/forwarding"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

const shieldedRouter = `version = 1
include = ["builtin:web"]
[services.https]
synproxy = true
`

// A host that routes for others hides no SYN of theirs from conntrack, whatever its
// own services ask for: they need NAT. And the proxy answers no SYN to a multicast
// address, which would show every host of a link at once.
func TestSynProxyLeavesAloneWhatIsNotToThisHost(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		outside := lab.NewNetwork(t).Host("outside", "203.0.113.9", "2001:db8:9::9")
		forwarding.AddInside(t)
		forwarding.Routes(t)
		for _, f := range traffic.Families {
			run.Tool(t, iptablesOf(f)+" -t nat -A POSTROUTING -o eth0 -j MASQUERADE")
		}
		answers443(t, outside)
		own := map[bool]netip.Addr{false: netip.MustParseAddr(lab.ServerV4), true: netip.MustParseAddr(lab.ServerV6)}
		fetch := func(when string) {
			t.Helper()
			for _, a := range traffic.Addresses(outside) {
				to := net.JoinHostPort(a.String(), "443")
				got, _ := run.Outcome(t, exec.CommandContext(t.Context(), "ip", "netns", "exec", "inner", forwarding.Greeter(t), "dial", to))
				if seen, _ := netip.ParseAddrPort(got); seen.Addr() != own[a.Is6()] {
					t.Errorf("%s: %s sees the inside as %q, want %s", when, to, got, own[a.Is6()])
				}
			}
		}
		fetch("bare")
		run.Expect(t, 0, "apply", testfile.Write(t, "router.toml", shieldedRouter), "--auto-approve", "--confirm-within", "0", "--no-guard")
		fetch("applied")
		syn := traffic.SYN(outside.V4(), 443)
		require.NoError(t, outside.Forge(syn))
		if n := traffic.Packets(t, 4, "HARDENCTL-INPUT", "SYNPROXY"); n != 1 {
			t.Fatalf("the proxy met %d SYNs to this host, want 1", n)
		}
		syn.To = netip.AddrPortFrom(netip.MustParseAddr("224.0.0.1"), 443)
		require.NoError(t, outside.Forge(syn))
		if n := traffic.Packets(t, 4, "HARDENCTL-INPUT", "SYNPROXY"); n != 1 {
			t.Errorf("the proxy answers a SYN to a multicast address")
		}
	})
}

// answers443 has a host accept connections until the end of the test.
func answers443(t *testing.T, h *lab.Host) {
	t.Helper()
	require.NoError(t, h.Do(func() error {
		l, err := net.Listen("tcp", ":443")
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				io.WriteString(c, c.RemoteAddr().String())
				c.Close()
			}
		}()
		return nil
	}))
}
