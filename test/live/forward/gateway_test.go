package forward

import (
	"net"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/forwarding"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// The inside reaches out, and nothing reaches in but by a port that is both
// forwarded and stated.
func TestGateway(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		outside := lab.NewNetwork(t).Host("outside", "203.0.113.9", "2001:db8:9::9")
		forwarding.Greets(t, outside.Command(t.Context(), forwarding.Greeter(t)))
		forwarding.AddInside(t)
		forwarding.ForwardPorts(t)
		path := testfile.Write(t, "gateway.toml", forwarding.Profile)
		run.Expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Expect(t, 0, "plan", path, "--detailed-exitcode")
		traffic.OnFamilies(t, "routed", func(t *testing.T, f traffic.Family) {
			out := outside.V4().String()
			if f.V6 {
				out = outside.V6().String()
			}
			if got := run.WithInput(t, "", "ip", "netns", "exec", "inner", forwarding.Greeter(t), "dial", net.JoinHostPort(out, "80")); got != "hello\n" {
				t.Errorf("from the inside to %s: %q", out, got)
			}
			traffic.Reaches(t, outside, f.Server, 8080, 3)
			traffic.Refused(t, outside, f.Server, 9090)
			traffic.Refused(t, outside, forwarding.Inner[f.V6], 80)
			traffic.Refused(t, outside, forwarding.Inner[f.V6], 9100) // stated, but for the gateway
		})
	})
}

// Ports that are published and not stated are counted by their number on the inside:
// the kernel's sets take a port from the packet, which DNAT has changed. Thirty that lead
// to one are one probe, and none of them answers. All other ports count as ever.
func TestPublishedPortsCountByTheirInside(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		outside := lab.NewNetwork(t).Host("outside", "203.0.113.9", "2001:db8:9::9")
		forwarding.AddInside(t)
		forwarding.ForwardPorts(t)
		run.Expect(t, 0, "apply", testfile.Write(t, "gateway.toml", forwarding.Profile), "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Tool(t, "iptables -t nat -A PREROUTING -i eth0 -p tcp --dport 9200:9229 -j DNAT --to-destination "+forwarding.Inner[false]+":80")
		run.Tool(t, "ip6tables -t nat -A PREROUTING -i eth0 -p tcp --dport 9200:9229 -j DNAT --to-destination ["+forwarding.Inner[true]+"]:80")
		for i, a := range traffic.Addresses(outside) {
			traffic.Reaches(t, outside, traffic.Families[i].Server, 8080, 1)
			require.NoError(t, outside.Forge(append(traffic.SYNs(a, 9200, 30), traffic.SYNs(a, 7000, 9)...)...))
			if banset.Banned(t, a) {
				t.Errorf("%v is banned after nine closed ports and thirty that lead to one", a)
			}
			require.NoError(t, outside.Forge(traffic.SYN(a, 7009)))
			if !banset.Banned(t, a) {
				t.Errorf("%v is not banned after ten closed ports and thirty that lead to one", a)
			}
			traffic.Refused(t, outside, traffic.Families[i].Server, 9200)
		}
	})
}

// What a zone's trust states reaches published ports that no service states, as ports of this
// host, and is not counted there. What is routed through this host it does not open.
func TestTrustReachesPublishedPorts(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		outside := lab.NewNetwork(t).Host("outside", "203.0.113.9", "2001:db8:9::9")
		forwarding.AddInside(t)
		forwarding.ForwardPorts(t)
		const trust = "synproxy = true\n[zones.wan]\ninterfaces = [\"eth0\"]\ntrust = [\"203.0.113.0/24\", \"2001:db8:9::/48\"]\n"
		run.Expect(t, 0, "apply", testfile.Write(t, "gateway.toml", forwarding.Profile+trust), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for i, a := range traffic.Addresses(outside) {
			server := traffic.Families[i].Server
			require.NoError(t, outside.Forge(traffic.SYNs(a, 9200, 30)...))
			traffic.Reaches(t, outside, server, 8080, 3)
			traffic.Reaches(t, outside, server, 9090, 3)
			traffic.Refused(t, outside, forwarding.Inner[traffic.Families[i].V6], 80)
			if banset.Banned(t, a) || banset.Member(t, "scan", a) {
				t.Errorf("%v is counted", a)
			}
		}
	})
}
