package bans

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"golang.org/x/sys/unix"
)

// The rule for DHCP opens no port without a listener: to such a port the
// kernel would answer, and a host that answers is one that is there.
func TestDHCPPortIsSilent(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		scanner := lab.NewNetwork(t).Host("scanner", "192.0.2.66/24")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		scan := lab.Nmap(t, scanner, "-sU", "-g", "67", "-p", "67,68,69", lab.ServerV4)
		if got := scan.In("open|filtered"); len(got) != 3 {
			t.Errorf("nmap learned %v", scan)
		}
		client, err := net.ListenPacket("udp4", ":68")
		require.NoError(t, err)
		defer client.Close()
		server := dialUDP(t, scanner, 67, 68)
		if got := count(t, client, func() { send(t, server, 3) }); got != 3 {
			t.Errorf("a DHCP client got %d of 3 answers", got)
		}
	})
}

// A flow that is never answered is one flow, however many datagrams it has;
// new flows are limited.
func TestUnansweredFlow(t *testing.T) {
	profile := testfile.Write(t, "log.toml", `version = 1
include = ["builtin:base"]
[services.syslog]
ports = ["udp/514"]
`)
	stage.OnBackends(t, func(t *testing.T) {
		sender := lab.NewNetwork(t).Host("sender", "192.0.2.20/24")
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
		listener, err := net.ListenPacket("udp4", ":514")
		require.NoError(t, err)
		defer listener.Close()
		flow := dialUDP(t, sender, 0, 514)
		if got := count(t, listener, func() { send(t, flow, 100) }); got != 100 {
			t.Errorf("of one flow %d of 100 datagrams arrived", got)
		}
		began := time.Now()
		got := count(t, listener, func() {
			for range 50 {
				send(t, dialUDP(t, sender, 0, 514), 1)
			}
		})
		if most := 10 + int(5*(time.Since(began).Seconds()+1)); got < 5 || got > most {
			t.Errorf("of 50 new flows %d arrived, of which 10 at once and 5 a second may, %d", got, most)
		}
	})
}

// With scope "hidden", a ban leaves a source the services that are stated for
// it, so that forged packets cost it nothing.
func TestBannedKeepsStatedServices(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		client := lab.NewNetwork(t).Host("client", "10.9.0.50")
		lab.Serve(t, "tcp", 5432)
		run.Expect(t, 0, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
		for port := range 12 {
			if open, err := client.Knock(fmt.Sprintf("%s:%d", lab.ServerV4, 8000+port), 50*time.Millisecond); err != nil || open {
				t.Fatalf("port %d is open, or was not tried: %v", 8000+port, err)
			}
		}
		if banned := run.Tool(t, "ipset list hardenctl-ban-v4"); !strings.Contains(banned, "10.9.0.50 timeout") {
			t.Fatalf("12 probes did not ban:\n%s", banned)
		}
		traffic.Reaches(t, client, lab.ServerV4, 5432, 1)
	})
}

func dialUDP(t *testing.T, from *lab.Host, source, port uint16) net.Conn {
	t.Helper()
	conn, err := from.DialFrom(netip.AddrPortFrom(from.V4(), source), "udp", fmt.Sprintf("%s:%d", lab.ServerV4, port), lab.Patience)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func send(t *testing.T, conn net.Conn, datagrams int) {
	t.Helper()
	for range datagrams {
		_, err := conn.Write([]byte("x"))
		require.NoError(t, err)
		time.Sleep(time.Millisecond)
	}
}

// count returns how many datagrams arrive that f sends.
func count(t *testing.T, l net.PacketConn, f func()) int {
	t.Helper()
	return len(senders(t, l, f))
}

// senders returns the source of each datagram that arrives of those that f sends.
// One of the test's own, over loopback, is the last.
func senders(t *testing.T, l net.PacketConn, f func()) (all []string) {
	t.Helper()
	const last = "that was all"
	raw, err := l.(*net.UDPConn).SyscallConn()
	require.NoError(t, err)
	var failed error
	require.NoError(t, raw.Control(func(fd uintptr) { // room for all of them
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20)
	}))
	require.NoError(t, failed)
	f()
	lab.Drain()
	_, port, err := net.SplitHostPort(l.LocalAddr().String())
	require.NoError(t, err)
	own, err := net.Dial("udp4", "127.0.0.1:"+port)
	require.NoError(t, err)
	defer own.Close()
	_, err = own.Write([]byte(last))
	require.NoError(t, err)
	require.NoError(t, l.SetReadDeadline(time.Now().Add(lab.Patience)))
	for buffer := make([]byte, 64); ; {
		length, from, err := l.ReadFrom(buffer)
		if require.NoError(t, err); string(buffer[:length]) == last {
			return all
		}
		all = append(all, from.String())
	}
}
