package forwarding

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// Profile is a gateway that states one of the two ports that it forwards, and
// one of its own, which the host on the inside has too.
const Profile = `version = 1
include = ["builtin:gateway"]

[services.shop]
ports = ["tcp/8080", "tcp/9100"]
`

// Inner are the addresses of the one host on the inside.
var Inner = map[bool]string{false: "10.9.0.2", true: "fd00:9::2"}

// AddInside adds a network with one host behind the server's interface lan0. It
// waits for the host's program: the ports must be refused by rules, not by its
// being late.
func AddInside(t *testing.T) {
	t.Helper()
	for _, step := range []string{
		"netns add inner", "-n inner link set lo up", // Go listens for IPv6 only where there is ::1
		"link add lan0 type veth peer name eth0 netns inner",
		"address add 10.9.0.1/24 dev lan0", "address add fd00:9::1/64 dev lan0 nodad", "link set lan0 up",
		"-n inner address add 10.9.0.2/24 dev eth0", "-n inner address add fd00:9::2/64 dev eth0 nodad", "-n inner link set eth0 up",
		"-n inner route add default via 10.9.0.1", "-n inner route add default via fd00:9::1",
	} {
		run.Tool(t, "ip "+step)
	}
	t.Cleanup(func() {
		run.Tool(t, "ip link delete lan0")
		run.Tool(t, "ip netns delete inner")
	})
	Greets(t, exec.CommandContext(t.Context(), "ip", "netns", "exec", "inner", Greeter(t)))
	for _, address := range Inner {
		lab.Await(t, "an answer of "+address+" on the inside", func() bool {
			c, err := lab.DialOnce(netip.AddrPort{}, net.JoinHostPort(address, "80"))
			if err == nil {
				c.Close()
			}
			return err == nil
		})
	}
}

// ForwardPorts is what the owner of a gateway does: nat, and ports 8080 and 9090
// for the host on the inside. What the profile says of forwarding is undone at
// the end of the test.
func ForwardPorts(t *testing.T) {
	t.Helper()
	for _, path := range Settings {
		old, err := os.ReadFile(path)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, os.WriteFile(path, old, 0)) })
	}
	run.Tool(t, "iptables -t nat -A POSTROUTING -s 10.9.0.0/24 -o eth0 -j MASQUERADE")
	for _, port := range []int{8080, 9090} {
		dnat := fmt.Sprintf("-t nat -A PREROUTING -i eth0 -p tcp --dport %d -j DNAT --to-destination ", port)
		run.Tool(t, "iptables "+dnat+Inner[false]+":80")
		run.Tool(t, "ip6tables "+dnat+"["+Inner[true]+"]:80")
	}
}

// Settings are the kernel settings by which a host forwards packets.
var Settings = []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"}

// Routes has the server forward packets until the end of the test.
func Routes(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"} {
		old, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, []byte("1"), 0))
		t.Cleanup(func() { require.NoError(t, os.WriteFile(path, old, 0)) })
	}
}
