package limits

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"golang.org/x/sys/unix"
)

// A session to a service that begins to ask for the proxy goes on, although
// conntrack has never seen it and does not pick it up any more.
func TestSessionSurvivesSynProxy(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8:20::20")
		sessions := map[string]net.Conn{}
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			sessions[server] = traffic.OpenSession(t, client, server)
		}
		run.Expect(t, 0, "apply", synflood.Proxied(t, true, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for server, conn := range sessions {
			for range 4 {
				conn.SetDeadline(time.Now().Add(lab.Patience))
				_, err := conn.Write([]byte("x"))
				require.NoError(t, err)
				if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
					t.Fatalf("%s: no answer: %v", server, err)
				}
			}
		}
	})
}

// What the two sides of a proxied connection have agreed on is what they would
// have agreed on without the proxy, and a download comes whole, as without. How
// fast it was is noted.
func TestSynProxyOptions(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8:20::20")
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			address := net.JoinHostPort(server, "443")
			l, err := net.Listen("tcp", address)
			require.NoError(t, err)
			speed := map[bool]float64{}
			for _, proxy := range []bool{false, true} {
				run.Expect(t, 0, "apply", synflood.Proxied(t, proxy, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
				far := make(chan *unix.TCPInfo, 1)
				go sendTo(l, far)
				conn, err := client.DialOnce(netip.AddrPort{}, address)
				require.NoError(t, err)
				began := time.Now()
				n, err := io.Copy(io.Discard, conn)
				if require.NoError(t, err); n != download {
					t.Errorf("%s, proxy %t: %d bytes of %d", server, proxy, n, download)
				}
				speed[proxy] = float64(n) / time.Since(began).Seconds() / 1e6
				agreed(t, lab.TCPInfo(conn), <-far)
				conn.Close()
			}
			t.Logf("%s: %.0f MB/s without the proxy, %.0f with it", server, speed[false], speed[true])
		}
	})
}

// download is how many bytes a test loads.
const download = 32 << 20

// sendTo sends a download to the next client, and says how the server sees the
// connection.
func sendTo(l net.Listener, info chan<- *unix.TCPInfo) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	block := make([]byte, 1<<20)
	for sent := 0; sent < download && err == nil; sent += len(block) {
		_, err = conn.Write(block)
	}
	info <- lab.TCPInfo(conn)
}

// agreed checks what both sides believe: timestamps, SACK and window scaling
// (TCPI_OPT_TIMESTAMPS, _SACK and _WSCALE), and each the scale of the other.
func agreed(t *testing.T, client, server *unix.TCPInfo) {
	t.Helper()
	const all = 1 | 2 | 4
	if client.Options&all != all || server.Options&all != all {
		t.Errorf("options: the client has %b, the server %b", client.Options, server.Options)
	}
	if toServer, toClient := scales(client), scales(server); toServer[0] != toClient[1] || toServer[1] != toClient[0] {
		t.Errorf("window scales sent and received: the client believes %v, the server %v", toServer, toClient)
	}
}

// scales are the shifts of the windows that one side is told and that it tells:
// a byte of bit fields, which the type leaves out (struct tcp_info in the
// kernel's uapi/linux/tcp.h).
func scales(info *unix.TCPInfo) [2]uint8 {
	fields := (*[8]uint8)(unsafe.Pointer(info))[6]
	return [2]uint8{fields & 15, fields >> 4}
}
