package live

import (
	endian "encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// A cookie that comes back opens a connection only to a source of the service at
// that moment: who has left `from`, or is banned where bans hide everything, opens
// none by a cookie from before. And a source that guesses is stopped, which costs an
// legitimate client of the service nothing.
func TestCookiesComeBackTooLate(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		client := lab.NewNetwork(t).Host("client", "192.0.2.30/24", "2001:db8:30::7")
		lab.Serve(t, "tcp", 80)
		arrive(t, client)
		expect(t, 0, "apply", proxied(t, true, `
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
				must(t, client.Forge(c))
				select {
				case from := <-guests[port]:
					return from == c.From
				case <-time.After(stall / 4):
					return false
				}
			}
			for port := range guests {
				if !comes(port, cookie(t, client, to.from, port)) {
					t.Errorf("port %d: a cookie of %s opens no connection", port, to.from)
				}
			}
			guessing := entryOf("guess", to.from)
			if guessing.left(t) >= 0 {
				t.Errorf("%s has guessed nothing, and is counted", to.from)
			}
			wrong := cookie(t, client, to.from, 8443)
			wrong.Ack += 77777
			many := make([]lab.Segment, 10_001)
			for i := range many {
				many[i] = wrong
			}
			must(t, client.Forge(many...))
			if comes(8443, cookie(t, client, to.from, 8443)) {
				t.Errorf("%s opens a connection after 10,001 wrong cookies", to.from)
			}
			tool(t, "ipset del "+guessing.set+" "+guessing.member)
			if !comes(8443, cookie(t, client, to.from, 8443)) {
				t.Errorf("%s opens no connection although its guesses are forgotten", to.from)
			}
			private, public := cookie(t, client, to.from, 8443), cookie(t, client, to.from, 443)
			tool(t, to.left)
			if comes(8443, private) {
				t.Errorf("%s opens a connection that it may not open any more", to.from)
			}
			ban := entryOf("ban", to.from)
			tool(t, "ipset add "+ban.set+" "+ban.member+" timeout 600")
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
	must(t, err)
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
	first := syn(from, port)
	first.From = netip.AddrPortFrom(from, source)
	family, header := unix.AF_INET, 20 // an IPv4 raw socket gives the IP header too
	if from.Is6() {
		family, header = unix.AF_INET6, 0
	}
	var number uint32
	must(t, h.Do(func() error {
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
