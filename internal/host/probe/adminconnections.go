package probe

import (
	"cmp"
	"net/netip"
	"slices"
)

// AdminConnection is an open TCP connection by which somebody is, or may be, logged in to
// this host.
type AdminConnection struct {
	Near, Far netip.AddrPort
	// SSH says that an SSH server holds it, for a user who has logged in.
	SSH bool
	// Program is what holds one that is not SSH, by the name of its file; "" if
	// it is unknown. It does not say whether a person has logged in.
	Program string
}

// AdminConnections returns the connections to the host, in the calling thread's network
// namespace, that an SSH server holds for a user who has logged in, and those to a
// port by which others log in, where another program serves it. Somebody who is
// only trying to log in by SSH is not logged in: on the internet there is always such a one.
func AdminConnections(admin func(port uint16) bool) ([]AdminConnection, error) {
	sockets, err := tcpSockets()
	if err != nil {
		return nil, err
	}
	held, err := holders()
	if err != nil {
		return nil, err
	}
	return loggedInBy(sockets, held, admin), nil
}

// unheld is the inode of a connection that no program has accepted yet. Where
// many come at once, as in an attack on sshd, there is always one.
const unheld = "0"

// loggedInBy picks them from the sockets. A port on which the server of a login listens
// is one that its user has forwarded: it is not a way to log in.
func loggedInBy(sockets []socket, held map[string]holder, admin func(port uint16) bool) []AdminConnection {
	served := map[uint16]bool{}
	for _, s := range sockets {
		if s.state == tcpListen && held[s.inode].role != loggedIn {
			served[s.near.Port()] = true
		}
	}
	var found []AdminConnection
	for _, s := range sockets {
		h := held[s.inode]
		if s.state != tcpOpen || !served[s.near.Port()] {
			continue
		}
		switch {
		case h.role == loggedIn:
			found = append(found, AdminConnection{Near: s.near, Far: s.far, SSH: true})
		case h.role == unknownRole && s.inode != unheld && admin(s.near.Port()):
			found = append(found, AdminConnection{Near: s.near, Far: s.far, Program: h.program})
		}
	}
	slices.SortFunc(found, func(a, b AdminConnection) int { return cmp.Or(a.Far.Compare(b.Far), a.Near.Compare(b.Near)) })
	return found
}
