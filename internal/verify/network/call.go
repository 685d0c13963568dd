package network

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// SourcePort is that of every probe: high, since UDP from a port below 1024
// counts as a late answer. The map from before the firewall has another: what
// it left half open goes on, as connections should when rules come, and would
// show as open afterwards.
const (
	SourcePort       = 51234
	SourcePortBefore = 41234
)

// Patience is how long a visitor waits for the server's first word. A busy
// machine needs some of it; who is refused gets none however long it is.
const Patience = 10 * time.Second

// Call is one visit of a host, from one of its addresses, to a port of the
// server's: a TCP service greets, a UDP service answers.
func Call(h *lab.Host, from netip.Addr, port lab.Port) error {
	to := netip.AddrPortFrom(Server(FamilyOf(from)), uint16(port.Number))
	conn, err := Open(h, netip.AddrPortFrom(from, 0), port.Protocol, to.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(Patience))
	if port.Protocol == "udp" {
		if _, err := conn.Write([]byte{'?'}); err != nil {
			return err
		}
	}
	_, err = io.ReadAtLeast(conn, make([]byte, 64), 1)
	return err
}

// Open opens a flow; by TCP, a SYN that is lost is sent again once.
func Open(h *lab.Host, from netip.AddrPort, protocol, to string) (net.Conn, error) {
	if protocol == "udp" {
		return h.DialFrom(from, protocol, to, Patience)
	}
	conn, err := h.DialOnce(from, to)
	if errors.Is(err, lab.ErrUnanswered) {
		return h.DialOnce(from, to)
	}
	return conn, err
}
