package live

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// forwarded is a gateway that states one of the two ports that it forwards, and
// one of its own, which the host on the inside has too.
const forwarded = `version = 1
include = ["builtin:gateway"]

[services.shop]
ports = ["tcp/8080", "tcp/9100"]
`

// inner are the addresses of the one host on the inside.
var inner = map[bool]string{false: "10.9.0.2", true: "fd00:9::2"}

// The inside reaches out, and nothing reaches in but by a port that is both
// forwarded and stated.
func TestGateway(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		outside := lab.NewNetwork(t).Host("outside", "203.0.113.9", "2001:db8:9::9")
		greets(t, outside.Command(t.Context(), greeter(t)))
		addInside(t)
		forwardPorts(t)
		path := write(t, "gateway.toml", forwarded)
		expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
		expect(t, 0, "plan", path, "--detailed-exitcode")
		onFamilies(t, "routed", func(t *testing.T, f family) {
			out := outside.V4().String()
			if f.v6 {
				out = outside.V6().String()
			}
			if got := fed(t, "", "ip", "netns", "exec", "inner", greeter(t), "dial", net.JoinHostPort(out, "80")); got != "hello\n" {
				t.Errorf("from the inside to %s: %q", out, got)
			}
			reaches(t, outside, f.server, 8080, 3)
			refused(t, outside, f.server, 9090)
			refused(t, outside, inner[f.v6], 80)
			refused(t, outside, inner[f.v6], 9100) // stated, but for the gateway
		})
	})
}

// Ports that are published and not stated are counted by their number on the inside:
// the kernel's sets take a port from the packet, which DNAT has changed. Thirty that lead
// to one are one probe, and none of them answers. All other ports count as ever.
func TestPublishedPortsCountByTheirInside(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		outside := lab.NewNetwork(t).Host("outside", "203.0.113.9", "2001:db8:9::9")
		addInside(t)
		forwardPorts(t)
		expect(t, 0, "apply", write(t, "gateway.toml", forwarded), "--auto-approve", "--confirm-within", "0", "--no-guard")
		tool(t, "iptables -t nat -A PREROUTING -i eth0 -p tcp --dport 9200:9229 -j DNAT --to-destination "+inner[false]+":80")
		tool(t, "ip6tables -t nat -A PREROUTING -i eth0 -p tcp --dport 9200:9229 -j DNAT --to-destination ["+inner[true]+"]:80")
		for i, a := range addresses(outside) {
			reaches(t, outside, families[i].server, 8080, 1)
			must(t, outside.Forge(append(syns(a, 9200, 30), syns(a, 7000, 9)...)...))
			if banned(t, a) {
				t.Errorf("%v is banned after nine closed ports and thirty that lead to one", a)
			}
			must(t, outside.Forge(syn(a, 7009)))
			if !banned(t, a) {
				t.Errorf("%v is not banned after ten closed ports and thirty that lead to one", a)
			}
			refused(t, outside, families[i].server, 9200)
		}
	})
}

// addInside adds a network with one host behind the server's interface lan0. It
// waits for the host's program: the ports must be refused by rules, not by its
// being late.
func addInside(t *testing.T) {
	t.Helper()
	for _, step := range []string{
		"netns add inner", "-n inner link set lo up", // Go listens for IPv6 only where there is ::1
		"link add lan0 type veth peer name eth0 netns inner",
		"address add 10.9.0.1/24 dev lan0", "address add fd00:9::1/64 dev lan0 nodad", "link set lan0 up",
		"-n inner address add 10.9.0.2/24 dev eth0", "-n inner address add fd00:9::2/64 dev eth0 nodad", "-n inner link set eth0 up",
		"-n inner route add default via 10.9.0.1", "-n inner route add default via fd00:9::1",
	} {
		tool(t, "ip "+step)
	}
	t.Cleanup(func() {
		tool(t, "ip link delete lan0")
		tool(t, "ip netns delete inner")
	})
	greets(t, exec.CommandContext(t.Context(), "ip", "netns", "exec", "inner", greeter(t)))
	for _, address := range inner {
		lab.Await(t, "an answer of "+address+" on the inside", func() bool {
			c, err := lab.DialOnce(netip.AddrPort{}, net.JoinHostPort(address, "80"))
			if err == nil {
				c.Close()
			}
			return err == nil
		})
	}
}

var forwarding = []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"}

// forwardPorts is what the owner of a gateway does: nat, and ports 8080 and 9090
// for the host on the inside. What the profile says of forwarding is undone at
// the end of the test.
func forwardPorts(t *testing.T) {
	t.Helper()
	for _, path := range forwarding {
		old, err := os.ReadFile(path)
		must(t, err)
		t.Cleanup(func() { must(t, os.WriteFile(path, old, 0)) })
	}
	tool(t, "iptables -t nat -A POSTROUTING -s 10.9.0.0/24 -o eth0 -j MASQUERADE")
	for _, port := range []int{8080, 9090} {
		dnat := fmt.Sprintf("-t nat -A PREROUTING -i eth0 -p tcp --dport %d -j DNAT --to-destination ", port)
		tool(t, "iptables "+dnat+inner[false]+":80")
		tool(t, "ip6tables "+dnat+"["+inner[true]+"]:80")
	}
}
