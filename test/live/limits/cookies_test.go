package limits

import (
	endian "encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"golang.org/x/sys/unix"
)

// A cookie that comes back opens a connection only to a source of the service at
// that moment: who has left `from`, or is banned where bans hide everything, opens
// none by a cookie from before. And a source that guesses is stopped, which costs an
// legitimate client of the service nothing.
func TestCookiesComeBackTooLate(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		client := lab.NewNetwork(t).Host("client", "192.0.2.30/24", "2001:db8:30::7")
		lab.Serve(t, "tcp", 80)
		traffic.Arrive(t, client)
		run.Expect(t, 0, "apply", synflood.Proxied(t, true, `
			[services.private]
			ports = ["tcp/8443"]
			from = ["192.0.2.30", "2001:db8:30::/64"]
			synproxy = true
			[scan]
			scope = "everything"
			proven = "0s"`), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, to := range []struct {
			from         netip.Addr
			server, left string
		}{
			{client.V4(), lab.ServerV4, "ipset del hardenctl-f-private-v4 192.0.2.30"},
			{client.V6(), lab.ServerV6, "ipset del hardenctl-f-private-v6 2001:db8:30::/64"},
		} {
			guests := map[int]<-chan netip.AddrPort{443: accepted(t, to.server, 443), 8443: accepted(t, to.server, 8443)}
			comes := func(port int, c lab.Segment) bool {
				require.NoError(t, client.Forge(c))
				select {
				case from := <-guests[port]:
					return from == c.From
				case <-time.After(traffic.Stall / 4):
					return false
				}
			}
			for port := range guests {
				if !comes(port, cookie(t, client, to.from, port)) {
					t.Errorf("port %d: a cookie of %s opens no connection", port, to.from)
				}
			}
			guessing := banset.EntryOf("guess", to.from)
			if guessing.Left(t) >= 0 {
				t.Errorf("%s has guessed nothing, and is counted", to.from)
			}
			wrong := cookie(t, client, to.from, 8443)
			wrong.Ack += 77777
			many := make([]lab.Segment, 10_001)
			for i := range many {
				many[i] = wrong
			}
			require.NoError(t, client.Forge(many...))
			if comes(8443, cookie(t, client, to.from, 8443)) {
				t.Errorf("%s opens a connection after 10,001 wrong cookies", to.from)
			}
			run.Tool(t, "ipset del "+guessing.Set+" "+guessing.Member)
			if !comes(8443, cookie(t, client, to.from, 8443)) {
				t.Errorf("%s opens no connection although its guesses are forgotten", to.from)
			}
			private, public := cookie(t, client, to.from, 8443), cookie(t, client, to.from, 443)
			run.Tool(t, to.left)
			if comes(8443, private) {
				t.Errorf("%s opens a connection that it may not open any more", to.from)
			}
			ban := banset.EntryOf("ban", to.from)
			run.Tool(t, "ipset add "+ban.Set+" "+ban.Member+" timeout 600")
			if comes(443, public) {
				t.Errorf("%s opens a connection although it is banned", to.from)
			}
		}
	})
}

// accepted tells of the clients that a service of the test accepts.
func accepted(t *testing.T, server string, port int) <-chan netip.AddrPort {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(server), uint16(port))))
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	from := make(chan netip.AddrPort, 64)
	go func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			from <- c.RemoteAddr().(*net.TCPAddr).AddrPort()
			c.Close()
		}
	}()
	return from
}

// cookiePort is the last port from which a cookie was asked for: conntrack remembers
// what came from those before.
var cookiePort uint16 = 30000

// cookie asks for a cookie, and returns the ACK that brings it back.
func cookie(t *testing.T, h *lab.Host, from netip.Addr, port int) lab.Segment {
	t.Helper()
	cookiePort++
	source := cookiePort
	first := traffic.SYN(from, port)
	first.From = netip.AddrPortFrom(from, source)
	family, header := unix.AF_INET, 20 // an IPv4 raw socket gives the IP header too
	if from.Is6() {
		family, header = unix.AF_INET6, 0
	}
	var number uint32
	require.NoError(t, h.Do(func() error {
		in, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		if err != nil {
			return err
		}
		defer unix.Close(in)
		wait := unix.NsecToTimeval(lab.Patience.Nanoseconds())
		if err := unix.SetsockoptTimeval(in, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
			return err
		}
		if err := h.Forge(first); err != nil {
			return err
		}
		for buffer := make([]byte, 200); ; {
			n, _, err := unix.Recvfrom(in, buffer, 0)
			if err != nil {
				return err
			}
			if tcp := buffer[header:n]; len(tcp) >= 20 && endian.BigEndian.Uint16(tcp[2:]) == source && tcp[13] == lab.SYN|lab.ACK {
				number = endian.BigEndian.Uint32(tcp[4:])
				return nil
			}
		}
	}))
	return lab.Segment{From: first.From, To: first.To, Flags: lab.ACK, Seq: first.Seq + 1, Ack: number + 1, Window: 64240}
}
