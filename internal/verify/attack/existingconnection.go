package attack

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// openedPort is that of the connections which are open when the profile is applied:
// SSH's, at which something always listens here. The profile may close it to unlisted sources.
const openedPort = 22

// connected is an unlisted client with a connection in each family that is older than
// the rules.
type connected struct {
	host  *lab.Host
	conns []net.Conn
}

// close closes the connections.
func (c *connected) close() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

// openBefore opens these connections. The server has greeted then, so that it
// counts them as open.
func (s *scene) openBefore() (err error) {
	if s.connected.host, err = s.UnlistedHost("visitor"); err != nil {
		return err
	}
	for _, family := range network.Families {
		if family == 6 && !s.Profile.Policy.IPv6 {
			continue
		}
		from := netip.AddrPortFrom(network.Via(s.connected.host, family), 0)
		conn, err := network.Open(s.connected.host, from, "tcp", netip.AddrPortFrom(network.Server(family), openedPort).String())
		if err != nil {
			return err
		}
		s.connected.conns = append(s.connected.conns, conn)
		conn.SetDeadline(time.Now().Add(network.Patience))
		if _, err := io.ReadAtLeast(conn, make([]byte, 64), 1); err != nil {
			return err
		}
	}
	return nil
}

// tryOpened sends ACKs from the address and port of each connection that is older
// than the rules to the other ports, none of which may answer. Then the connection
// has to go on.
func (s *scene) tryOpened(ctx context.Context, f *result.Finding) error {
	for _, conn := range s.connected.conns {
		end := conn.LocalAddr().(*net.TCPAddr).AddrPort()
		if SilentToAll(s.Profile) {
			ports := slices.DeleteFunc(s.Targets("tcp"), func(port uint16) bool { return port == openedPort })
			answers, err := s.answersToACK(ctx, end, ports)
			if err != nil {
				return err
			}
			f.Note(fmt.Sprintf("ACKs to %d other ports over IPv%d", len(ports), network.FamilyOf(end.Addr())), none(answers))
		}
		f.Note(fmt.Sprintf("the connection over IPv%d", network.FamilyOf(end.Addr())), goesOn(conn))
	}
	return nil
}

// SilentToAll reports whether the profile answers no packet of no connection.
func SilentToAll(p *profile.Profile) bool {
	return p.Scan.Stealth && p.Policy.Input == profile.Drop
}

// answersToACK sends an ACK to each port, from one end of such a connection, and returns
// the ports that something came back from.
func (s *scene) answersToACK(ctx context.Context, end netip.AddrPort, ports []uint16) (answers []uint16, err error) {
	var p *prober.Prober
	err = s.connected.host.Do(func() (err error) {
		p, err = prober.New("eth0", network.ServerLink)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	states, err := p.Do(ctx, prober.Sweep{
		To: network.Server(network.FamilyOf(end.Addr())), Ports: ports, Wait: 300 * time.Millisecond,
		Packet: func(to netip.AddrPort) prober.Packet {
			return prober.Packet{From: end, To: to, Flags: prober.ACK, Maker: prober.Linux}
		},
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ports, func(port uint16) bool { return states[port] == prober.Silent }), nil
}

// goesOn is an error unless both ends of a connection still hear each other: the
// server ends it when the client does.
func goesOn(conn net.Conn) error {
	conn.SetDeadline(time.Now().Add(network.Patience))
	if _, err := conn.Write([]byte{'x'}); err != nil {
		return err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, conn)
	return err
}
