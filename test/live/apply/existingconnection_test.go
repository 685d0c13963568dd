package apply

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A connection that was open before an apply goes on, and opens nothing else:
// from its own address and port an ACK scan gets no answer, not of a service that
// is bound to an address. A forged SYN that waits for its ACK when the apply comes
// opens nothing at all. Conntrack knew neither.
func TestOldConnectionOpensNothingElse(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		for _, loose := range []string{"1", "0"} {
			t.Run("tcp_loose "+loose, func(t *testing.T) {
				stage.Wipe(t)
				require.NoError(t, os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", []byte(loose), 0))
				oldConnectionOpensNothingElse(t)
			})
		}
	})
}

func oldConnectionOpensNothingElse(t *testing.T) {
	client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
	absent := map[string]netip.Addr{lab.ServerV4: netip.MustParseAddr("192.0.2.99"), lab.ServerV6: netip.MustParseAddr("2001:db8::99")}
	open := map[string]net.Conn{}
	for server, forged := range absent {
		bound, err := net.Listen("tcp", net.JoinHostPort(server, "5432"))
		require.NoError(t, err)
		defer bound.Close()
		open[server] = traffic.OpenSession(t, client, server)
		require.NoError(t, client.Forge(traffic.SYN(forged, 443)))
	}
	lab.Await(t, "two forged SYNs that wait for their ACK", func() bool { return synReceived(t) == 2 })
	run.Expect(t, 0, "apply", webserver.Variant(t), "--auto-approve", "--confirm-within", "0", "--no-guard")
	before := resets(t)
	for server, conn := range open {
		end := conn.LocalAddr().(*net.TCPAddr).AddrPort()
		require.NoError(t, client.Forge(acks(end, server, 22, 80, 5432)...))
		require.NoError(t, client.Forge(acks(traffic.SYN(absent[server], 443).From, server, 22, 80, 443, 5432)...))
		scan := lab.Nmap(t, client, slices.Concat([]string{"-sA", "-g", strconv.Itoa(int(end.Port())), "-p", "22,80,5432", "--max-retries", "0"}, toServer[server])...)
		if silent := scan.In("filtered"); len(silent) != 3 {
			t.Errorf("%s: an ACK scan from an open connection sees %v", server, scan)
		}
	}
	if n := resets(t) - before; n > 0 {
		t.Errorf("%d resets were sent to who has no such connection", n)
	}
	for server, conn := range open {
		conn.SetDeadline(time.Now().Add(lab.Patience))
		_, err := conn.Write([]byte("x"))
		require.NoError(t, err)
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Errorf("%s: the open connection breaks: %v", server, err)
		}
	}
}

// toServer is how nmap is told of the server.
var toServer = map[string][]string{lab.ServerV4: {lab.ServerV4}, lab.ServerV6: {"-6", lab.ServerV6}}

// acks are an ACK to each of some ports, from one end.
func acks(from netip.AddrPort, server string, ports ...uint16) (segments []lab.Segment) {
	for _, port := range ports {
		to := netip.AddrPortFrom(netip.MustParseAddr(server), port)
		segments = append(segments, lab.Segment{From: from, To: to, Flags: lab.ACK, Seq: 7, Ack: 7, Window: 1024})
	}
	return segments
}

// synReceived is how many connections wait for the ACK that makes them open
// (SYN_RECV, 03 in /proc/net/tcp).
func synReceived(t *testing.T) (n int) {
	t.Helper()
	for _, name := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile("/proc/thread-self/net/" + name)
		require.NoError(t, err)
		for line := range bytes.Lines(text) {
			if words := bytes.Fields(line); len(words) > 3 && string(words[3]) == "03" {
				n++
			}
		}
	}
	return n
}

// resets is how many TCP resets the server has sent (OutRsts in /proc/net/snmp).
func resets(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/net/snmp")
	require.NoError(t, err)
	var names []string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if words[0] != "Tcp:" {
			continue
		}
		for i, name := range names {
			if name == "OutRsts" {
				n, err := strconv.Atoi(words[i])
				require.NoError(t, err)
				return n
			}
		}
		names = words
	}
	t.Fatal("no OutRsts in /proc/net/snmp")
	return 0
}
