package probe

import (
	"cmp"
	"net/netip"
	"slices"
)

// Session is an open TCP connection by which somebody is logged in to this
// host.
type Session struct {
	Near, Far netip.AddrPort
	// Sshd says that sshd holds it, for a user who has logged in.
	Sshd bool
}

// Sessions returns the connections to the host, in the calling thread's network
// namespace, that sshd holds for a user who has logged in, and those to a port
// by which others log in, whoever serves it. Somebody who is only trying to log
// in at sshd has no session: on the internet there is always one.
func Sessions(admin func(port uint16) bool) ([]Session, error) {
	sockets, err := tcpSockets()
	if err != nil {
		return nil, err
	}
	roles, err := sshdRoles()
	if err != nil {
		return nil, err
	}
	return sessions(sockets, roles, admin), nil
}

// unheld is the inode of a connection that no program has accepted yet. Where
// many come at once, as in an attack on sshd, there is always one.
const unheld = "0"

// sessions picks them from the sockets. A port on which a session of sshd
// listens is one that its user has forwarded, and nobody logs in by it.
func sessions(sockets []socket, roles map[string]sshdRole, admin func(port uint16) bool) []Session {
	served := map[uint16]bool{}
	for _, s := range sockets {
		if s.state == tcpListen && roles[s.inode] != sshdLoggedIn {
			served[s.near.Port()] = true
		}
	}
	var found []Session
	for _, s := range sockets {
		role := roles[s.inode]
		loggedIn := role == sshdLoggedIn || role == sshdNone && s.inode != unheld && admin(s.near.Port())
		if s.state == tcpOpen && served[s.near.Port()] && loggedIn {
			found = append(found, Session{s.near, s.far, role == sshdLoggedIn})
		}
	}
	slices.SortFunc(found, func(a, b Session) int { return cmp.Or(a.Far.Compare(b.Far), a.Near.Compare(b.Near)) })
	return found
}
