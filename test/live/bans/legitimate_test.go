package bans

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// activity is what a legitimate client does. Each has an IPv4 address and a
// /64 of his own.
type activity struct {
	name string
	// command is a program with its options; FROM and TO are addresses. Its exit
	// code says nothing: the host does not answer.
	command string
	// does is for what no program of Debian does.
	does func(h *lab.Host, from, to netip.Addr) error
	// only is the family that has it; 0 for both.
	only int
}

// ordinary are what a host meets of a day. traceroute, tracepath and mtr ask
// again and again, of a host that does not answer.
var ordinary = []activity{
	{name: "traceroute by UDP", command: "traceroute -n -w 0.3 -N 90 -s FROM TO"},
	{name: "traceroute by ICMP", command: "traceroute -n -I -w 0.3 -N 90 -s FROM TO"},
	{name: "traceroute by SYN to a public port", command: "traceroute -n -T -p 443 -w 0.3 -N 90 -s FROM TO"},
	{name: "traceroute by SYN to a closed port", command: "traceroute -n -T -p 7 -w 0.3 -N 90 -s FROM TO"},
	{name: "traceroute to UDP port 53", command: "traceroute -n -U -w 0.3 -N 90 -s FROM TO"},
	{name: "traceroute by UDP-Lite", command: "traceroute -n -UL -w 0.3 -N 90 -s FROM TO"},
	{name: "traceroute by DCCP", command: "traceroute -n -D -w 0.3 -N 90 -s FROM TO"},
	{name: "mtr by ICMP", command: "mtr -n -r -c 3 -i 0.2 -G 0.2 -a FROM TO"},
	{name: "mtr by UDP", command: "mtr -n -r -u -c 10 -i 0.2 -G 0.2 -a FROM TO"},
	{name: "mtr by SYN", command: "mtr -n -r -T -P 443 -c 3 -i 0.2 -G 0.2 -a FROM TO"},
	{name: "ping", command: "ping -n -c 3 -i 0.2 -W 1 -I FROM TO"},
	{name: "ping with record route", command: "ping -n -R -c 3 -i 0.2 -W 1 -I FROM TO", only: 4},
	{name: "ping that looks for the path's MTU", command: "ping -n -M do -s 1400 -c 3 -i 0.2 -W 1 -I FROM TO"},
	{name: "tracepath", does: datagrams(0, 44444, 30)},
	{name: "a browser that opens both ports", does: opens(80, 443)},
	{name: "a mistyped port, tried again and again", does: opens(8443, 8443, 8443, 8443, 8443, 8443, 8443, 8443, 8443, 8443, 8443, 8443)},
	{name: "late answers of a name server", does: datagrams(53, 30000, 30)},
	{name: "late answers of a time server", does: datagrams(123, 20000, 30)},
	{name: "late answers of a STUN server", does: datagrams(3478, 50000, 30)},
	{name: "late answers of a peer in a call", does: datagrams(16384, 60000, 30)},
}

// TestLegitimateTrafficIsNotBanned has each of them come to each built-in profile.
func TestLegitimateTrafficIsNotBanned(t *testing.T) {
	for _, name := range []string{"traceroute", "mtr", "ping"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%v: apt-get install traceroute mtr-tiny iputils-ping", err)
		}
	}
	host := newVisitor(t, lab.NewNetwork(t))
	for i, b := range webserver.Builtins {
		t.Run(b.Name, func(t *testing.T) {
			stage.Bare(t, lab.Backends[i%len(lab.Backends)])
			path := testfile.Write(t, "profile.toml", fmt.Sprintf("version = 1\ninclude = [\"builtin:%s\"]\n%s", b.Name, b.More))
			run.Expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
			host.comeAndGo(t)
		})
	}
}

func newVisitor(t *testing.T, n *lab.Bench) visitor {
	t.Helper()
	var all []string
	for i := range ordinary {
		for _, a := range activityAddresses(i) {
			all = append(all, a.String())
		}
	}
	return visitor{n.Host("honest", all...)}
}

type visitor struct{ *lab.Host }

// activityAddresses are the addresses of one of them.
func activityAddresses(i int) [2]netip.Addr {
	return [2]netip.Addr{
		netip.AddrFrom4([4]byte{203, 0, 113, byte(100 + i)}),
		netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0xf, byte(i), 15: 1}),
	}
}

// comeAndGo has all of them do what they do at once, and looks whether one of them
// is banned.
func (h visitor) comeAndGo(t *testing.T) {
	t.Helper()
	var all sync.WaitGroup
	for i, p := range ordinary {
		for family, from := range activityAddresses(i) {
			if p.only == 4 && family == 1 {
				continue
			}
			all.Add(1)
			go func() {
				defer all.Done()
				if err := h.do(t.Context(), p, from, netip.MustParseAddr(traffic.Families[family].Server)); err != nil {
					t.Errorf("%s from %v: %v", p.name, from, err)
				}
			}()
		}
	}
	all.Wait()
	for i, p := range ordinary {
		for _, from := range activityAddresses(i) {
			if banset.Banned(t, from) {
				t.Errorf("%s: %v is banned", p.name, from)
			}
		}
	}
}

func (h visitor) do(ctx context.Context, p activity, from, to netip.Addr) error {
	if p.does != nil {
		return p.does(h.Host, from, to)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	words := strings.Fields(strings.NewReplacer("FROM", from.String(), "TO", to.String()).Replace(p.command))
	out, err := h.Command(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil && strings.Contains(string(out), "sage:") {
		return fmt.Errorf("%v: %s", err, out)
	}
	return ctx.Err()
}

// datagrams sends one to each of n ports, all from one port; 0 leaves it to the
// kernel.
func datagrams(source uint16, first, n int) func(*lab.Host, netip.Addr, netip.Addr) error {
	return func(h *lab.Host, from, to netip.Addr) error {
		return h.Do(func() error {
			socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, source)))
			if err != nil {
				return err
			}
			defer socket.Close()
			for i := range n {
				if _, err := socket.WriteToUDPAddrPort([]byte("late"), netip.AddrPortFrom(to, uint16(first+i))); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// opens opens a connection to each port, and waits a moment for an answer.
func opens(ports ...int) func(*lab.Host, netip.Addr, netip.Addr) error {
	return func(h *lab.Host, from, to netip.Addr) error {
		for _, port := range ports {
			at := netip.AddrPortFrom(to, uint16(port)).String()
			if conn, err := h.DialFrom(netip.AddrPortFrom(from, 0), "tcp", at, 100*time.Millisecond); err == nil {
				conn.Close()
			}
		}
		return nil
	}
}
