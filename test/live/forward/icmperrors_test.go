package forward

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

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

// A packet whose time to live ends at the gateway, or that is too long for the
// inside, is answered by the kernel before FORWARD is asked. Such an answer tells
// that a port is forwarded, stated or not. The gateway gives none, and counts what
// asks for one as a probe.
func TestNoErrorBeforeForward(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		outside := network.Host("outside", "203.0.113.9", "2001:db8:9::9")
		climber := network.Host("climber", "203.0.113.66", "2001:db8:66::66")
		forwarding.Greets(t, outside.Command(t.Context(), forwarding.Greeter(t)))
		forwarding.AddInside(t)
		forwarding.ForwardPorts(t)
		narrow(t)
		traffic.OnFamilies(t, "bare", func(t *testing.T, f traffic.Family) {
			for _, e := range early(f) {
				if told := e.tell(t, outside, f); len(told) != len(e.ports) {
					t.Fatalf("without rules %s tells of ports %v only, so that this test shows nothing", e.name, told)
				}
			}
		})
		run.Expect(t, 0, "apply", testfile.Write(t, "gateway.toml", forwarding.Profile), "--auto-approve", "--confirm-within", "0", "--no-guard")
		traffic.OnFamilies(t, "gateway", func(t *testing.T, f traffic.Family) {
			for _, e := range early(f) {
				if told := e.tell(t, outside, f); len(told) > 0 {
					t.Errorf("%s: the gateway tells of ports %v", e.name, told)
				}
			}
			if banset.Banned(t, traffic.AddressOf(outside, f)) {
				t.Errorf("%v is banned for two probes", traffic.AddressOf(outside, f))
			}
			traffic.Reaches(t, outside, f.Server, 8080, 1)
			openLearnsMTU(t, outside, f)
			traces(t, outside, f)
			for _, e := range climb(f) {
				e.tell(t, climber, f)
			}
			lab.Await(t, "a ban of who sends packets to their last hop, and long ones", func() bool { return banset.Banned(t, traffic.AddressOf(climber, f)) })
		})
	})
}

// narrow makes the inside a link of 1400 bytes, and sends a UDP port there, and
// ports that no service states.
func narrow(t *testing.T) {
	t.Helper()
	for _, path := range forwarding.Settings {
		run.Tool(t, "sysctl -qw "+strings.TrimPrefix(path, "/proc/sys/")+"=1")
	}
	run.Tool(t, "ip link set lan0 mtu 1400")
	run.Tool(t, "iptables -t nat -A PREROUTING -i eth0 -p udp --dport 5454 -j DNAT --to-destination 10.9.0.2:53")
	run.Tool(t, "ip6tables -t nat -A PREROUTING -i eth0 -p udp --dport 5454 -j DNAT --to-destination [fd00:9::2]:53")
	run.Tool(t, "iptables -t nat -A PREROUTING -i eth0 -p tcp --dport 9200:9211 -j DNAT --to-destination 10.9.0.2:80")
	run.Tool(t, "ip6tables -t nat -A PREROUTING -i eth0 -p tcp --dport 9200:9211 -j DNAT --to-destination [fd00:9::2]:80")
}

// icmpProbe is a kind of packet that the kernel does not send on.
type icmpProbe struct {
	name   string
	to     string
	ports  []uint16
	packet prober.Packet
}

// tooLong is a payload that goes through a link of 1500 bytes and none of 1400.
const tooLong = 1400

// early are packets to forwarded ports, of which 8080 is stated and the others are
// not, and to the address of a host on the inside.
func early(f traffic.Family) []icmpProbe {
	forwarded, inside := []uint16{8080, 9090}, forwarding.Inner[f.V6]
	return []icmpProbe{
		{"the last hop by TCP", f.Server, forwarded, prober.Packet{Flags: prober.SYN, HopLimit: 1}},
		{"a long SYN", f.Server, forwarded, prober.Packet{Flags: prober.SYN, Payload: tooLong}},
		{"the last hop by UDP", f.Server, []uint16{5454}, prober.Packet{UDP: true, HopLimit: 1}},
		{"a long datagram", f.Server, []uint16{5454}, prober.Packet{UDP: true, Payload: tooLong}},
		{"the last hop to the inside", inside, []uint16{80}, prober.Packet{Flags: prober.SYN, HopLimit: 1}},
		{"the last hop of a NULL scan to the inside", inside, []uint16{81}, prober.Packet{HopLimit: 1}},
	}
}

// climb are as many packets as get a source banned, half of them of each kind.
func climb(f traffic.Family) []icmpProbe {
	return []icmpProbe{
		{"last hops", f.Server, []uint16{9200, 9201, 9202, 9203, 9204, 9205}, prober.Packet{Flags: prober.SYN, HopLimit: 1}},
		{"long SYNs", f.Server, []uint16{9206, 9207, 9208, 9209, 9210, 9211}, prober.Packet{Flags: prober.SYN, Payload: tooLong}},
	}
}

// tell sends the packets and returns the ports that an answer came from.
func (e icmpProbe) tell(t *testing.T, from *lab.Host, f traffic.Family) (told []uint16) {
	t.Helper()
	for port, state := range e.states(t, from, f) {
		if state != prober.Silent {
			told = append(told, port)
		}
	}
	return told
}

// states sends the packets, each from a port of its own, and returns what each port
// answered.
func (e icmpProbe) states(t *testing.T, from *lab.Host, f traffic.Family) map[uint16]prober.State {
	t.Helper()
	sweep := prober.Sweep{To: netip.MustParseAddr(e.to), Ports: e.ports, Wait: 300 * time.Millisecond}
	sweep.Packet = func(to netip.AddrPort) prober.Packet {
		p := e.packet
		p.Maker, p.To = prober.Linux, to
		p.From = netip.AddrPortFrom(traffic.AddressOf(from, f), 40000+to.Port()+uint16(p.Payload)+uint16(p.HopLimit))
		return p
	}
	answered := map[uint16]prober.State{}
	require.NoError(t, from.Do(func() error {
		p, err := prober.New("eth0", net.HardwareAddr{2, 0, 0, 0, 0, 1})
		if err != nil {
			return err
		}
		defer p.Close()
		states, err := p.Do(t.Context(), sweep)
		for _, port := range e.ports {
			if err == nil {
				answered[port] = states[port]
			}
		}
		return err
	}))
	return answered
}

func iptablesOf(f traffic.Family) string {
	if f.V6 {
		return "ip6tables"
	}
	return "iptables"
}

// openLearnsMTU sends more than the inside's link carries through an open
// connection: who sends it must hear how long packets may be.
func openLearnsMTU(t *testing.T, from *lab.Host, f traffic.Family) {
	t.Helper()
	c, err := from.Dial("tcp", net.JoinHostPort(f.Server, "8080"), lab.Patience)
	require.NoError(t, err)
	defer c.Close()
	c.Write(make([]byte, 100_000)) // the greeter says its word and closes
	lab.Await(t, "a path with an MTU of 1400 to "+f.Server, func() bool {
		out, err := from.Command(t.Context(), "ip", "route", "get", f.Server).Output()
		require.NoError(t, err)
		return strings.Contains(string(out), "mtu 1400")
	})
}

// traces checks that the inside sees the way through the gateway, and that who
// traces the way to a stated port arrives there.
func traces(t *testing.T, outside *lab.Host, f traffic.Family) {
	t.Helper()
	gateway := map[bool]string{false: "10.9.0.1", true: "fd00:9::1"}[f.V6]
	trace := []string{"-n", "-q", "1", "-m", "3", "-w", "2"}
	lab.Await(t, "an answer of each hop", func() bool { // the kernel sends one in a second
		out := run.WithInput(t, "", "ip", append([]string{"netns", "exec", "inner", "traceroute", traffic.AddressOf(outside, f).String()}, trace...)...)
		return strings.Contains(out, "1  "+gateway) && strings.Contains(out, "2  "+traffic.AddressOf(outside, f).String())
	})
	arrived, err := outside.Command(t.Context(), "traceroute", append([]string{"-T", "-p", "8080", f.Server}, trace...)...).Output()
	require.NoError(t, err)
	require.Contains(t, string(arrived), fmt.Sprintf("  %s  ", f.Server))
}
