package prober

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

// open opens a prober on a host of a network whose server has tcp/80 and
// udp/53 open.
func open(t *testing.T) (p *Prober, from map[int]netip.Addr) {
	t.Helper()
	network := lab.NewNetwork(t)
	lab.Serve(t, "tcp", 80)
	lab.Serve(t, "udp", 53)
	h := network.Host("prober", "192.0.2.66/24", "2001:db8::66/64")
	err := h.Do(func() (err error) {
		p, err = New("eth0", net.HardwareAddr{2, 0, 0, 0, 0, 1})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, map[int]netip.Addr{4: h.V4(), 6: h.V6()}
}

func sweep(t *testing.T, p *Prober, from netip.Addr, kind Packet, ports ...uint16) map[uint16]State {
	t.Helper()
	to := netip.MustParseAddr(lab.ServerV4)
	if from.Is6() {
		to = netip.MustParseAddr(lab.ServerV6)
	}
	states, err := p.Do(context.Background(), Sweep{
		To: to, Ports: ports, Rounds: 2, Wait: 200 * time.Millisecond,
		Packet: func(to netip.AddrPort) Packet {
			packet := kind
			packet.From, packet.To = netip.AddrPortFrom(from, 50000), to
			return packet
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[uint16]State{}
	for _, port := range ports {
		found[port] = states[port]
	}
	return found
}

// What a bare Linux host answers to each kind of packet, over both families.
func TestSweep(t *testing.T) {
	p, from := open(t)
	tests := []struct {
		name   string
		packet Packet
		port   uint16
		want   State
	}{
		{"SYN to an open port", Packet{Flags: SYN}, 80, Open},
		{"bare SYN to an open port", Packet{Flags: SYN, Maker: Nmap}, 80, Open},
		{"SYN to a closed port", Packet{Flags: SYN}, 81, Closed},
		{"SYN in fragments", Packet{Flags: SYN, Maker: Nmap, Fragments: true}, 80, Open},
		{"SYN to port 0", Packet{Flags: SYN}, 0, Closed},
		{"ACK", Packet{Flags: ACK}, 80, Closed},
		{"FIN to an open port", Packet{Flags: FIN}, 80, Silent},
		{"FIN to a closed port", Packet{Flags: FIN}, 81, Closed},
		{"no flags, closed port", Packet{}, 81, Closed},
		{"UDP to an open port", Packet{UDP: true}, 53, Open},
		{"UDP to a closed port", Packet{UDP: true}, 54, Closed},
	}
	for _, family := range []int{4, 6} {
		for _, test := range tests {
			if got := sweep(t, p, from[family], test.packet, test.port)[test.port]; got != test.want {
				t.Errorf("IPv%d, %s: %v, want %v", family, test.name, got, test.want)
			}
		}
	}
}

// A dropped probe is silence, and the ports beside it are not affected.
func TestSilence(t *testing.T) {
	p, from := open(t)
	iptables(t, "-A", "INPUT", "-p", "tcp", "--dport", "81", "-j", "DROP")
	t.Cleanup(func() { iptables(t, "-F", "INPUT") })
	got := sweep(t, p, from[4], Packet{Flags: SYN}, 80, 81, 82)
	if got[80] != Open || got[81] != Silent || got[82] != Closed {
		t.Errorf("ports 80 to 82: %v", got)
	}
}

func iptables(t *testing.T, args ...string) {
	t.Helper()
	lab.Require(t)
	if out, err := exec.Command("iptables", args...).CombinedOutput(); err != nil {
		t.Fatalf("iptables: %v: %s", err, out)
	}
}

// Answers come back to any source address that the network leads here, and a
// sweep counts only what answers its own packets.
func TestForgedSource(t *testing.T) {
	p, from := open(t)
	if out, err := exec.Command("ip", "route", "replace", "198.18.0.0/16", "via", from[4].String(), "dev", lab.ServerInterface).CombinedOutput(); err != nil {
		t.Fatalf("ip route: %v: %s", err, out)
	}
	if got := sweep(t, p, netip.MustParseAddr("198.18.7.7"), Packet{Flags: SYN}, 80)[80]; got != Open {
		t.Errorf("forged source: %v", got)
	}
	if got := sweep(t, p, netip.MustParseAddr("203.0.113.7"), Packet{Flags: SYN}, 80)[80]; got != Silent {
		t.Errorf("a source whose answers go elsewhere: %v", got)
	}
}

func TestEndsEarly(t *testing.T) {
	p, from := open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := p.Do(ctx, Sweep{To: netip.MustParseAddr(lab.ServerV4), Ports: []uint16{80},
		Packet: func(to netip.AddrPort) Packet { return Packet{From: netip.AddrPortFrom(from[4], 1), To: to} }})
	if err == nil {
		t.Error("a sweep that was cancelled went on")
	}
}

// A sweep keeps its pace, and each packet comes in the names of its decoys too.
func TestPaceAndDecoys(t *testing.T) {
	p, from := open(t)
	var decoys []netip.Addr
	for _, text := range []string{"198.18.0.1", "198.18.0.2"} {
		decoys = append(decoys, netip.MustParseAddr(text))
		iptables(t, "-A", "INPUT", "-s", text, "-p", "tcp", "--dport", "81:83")
	}
	began := time.Now()
	_, err := p.Do(context.Background(), Sweep{
		To: netip.MustParseAddr(lab.ServerV4), Ports: []uint16{81, 82, 83}, Pace: 100 * time.Millisecond, Decoys: decoys,
		Packet: func(to netip.AddrPort) Packet {
			return Packet{From: netip.AddrPortFrom(from[4], 50000), To: to, Flags: SYN}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("three packets, 100 ms apart, took %s", took)
	}
	out, err := exec.Command("iptables", "-vnxL", "INPUT").CombinedOutput()
	if n := len(regexp.MustCompile(`(?m)^\s+3 .* 198\.18\.0\.`).FindAll(out, -1)); err != nil || n != len(decoys) {
		t.Errorf("%d of %d decoys sent three packets (%v):\n%s", n, len(decoys), err, out)
	}
	iptables(t, "-F", "INPUT")
}
