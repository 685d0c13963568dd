package probe

import (
	"slices"

	"github.com/hardenctl/hardenctl/internal/host/meaning"
)

// Listening are the TCP ports at which this host takes connections of others.
type Listening struct {
	All []uint16
	// SSH are those at which an SSH server listens.
	SSH []uint16
}

// sshPort counts as the port of an SSH server, whatever process holds it: systemd does
// until the first connection comes (ssh.socket), and the program may be another
// than OpenSSH.
const sshPort = 22

// ListeningPorts looks in the calling thread's network namespace.
func ListeningPorts() (Listening, error) {
	sockets, err := tcpSockets()
	if err != nil {
		return Listening{}, err
	}
	held, err := holders()
	return listening(sockets, held), err
}

// listening picks the ports. One that only this host itself reaches is left out,
// and so is one that a login has forwarded.
func listening(sockets []socket, held map[string]holder) (l Listening) {
	for _, s := range sockets {
		role := held[s.inode].role
		if s.state != tcpListen || s.near.Addr().IsLoopback() || role == loggedIn {
			continue
		}
		l.All = append(l.All, s.near.Port())
		if role == serving || s.near.Port() == sshPort {
			l.SSH = append(l.SSH, s.near.Port())
		}
	}
	slices.Sort(l.All)
	slices.Sort(l.SSH)
	return Listening{slices.Compact(l.All), slices.Compact(l.SSH)}
}

// ServedPorts returns the ports at which programs take packets of others, by
// protocol, in the calling thread's network namespace. Of UDP they are those of
// sockets that any far end may send to.
func ServedPorts() (map[string][]uint16, error) {
	served := map[string][]uint16{}
	err := waiting(func(protocol string, s socket) { served[protocol] = append(served[protocol], s.near.Port()) })
	return served, err
}

// waiting calls f with each socket at which a program takes packets of others.
func waiting(f func(protocol string, s socket)) error {
	for _, protocol := range []string{"tcp", "udp"} {
		sockets, err := socketsOf(protocol, protocol+"6")
		if err != nil {
			return err
		}
		waits := map[string]string{"tcp": tcpListen, "udp": udpUnconnected}[protocol]
		for _, s := range sockets {
			if s.state == waits && !s.near.Addr().IsLoopback() {
				f(protocol, s)
			}
		}
	}
	return nil
}

// Listeners returns the sockets that asked tells of those at which programs take packets of
// others, in the calling thread's network namespace, with the programs that hold them.
func Listeners(asked func(meaning.Listener) bool) (all []meaning.Listener, err error) {
	var inodes []string
	err = waiting(func(protocol string, s socket) {
		if l := (meaning.Listener{Protocol: protocol, Port: s.near.Port(), Address: s.near.Addr()}); asked(l) {
			all, inodes = append(all, l), append(inodes, s.inode)
		}
	})
	if err != nil || len(all) == 0 {
		return all, err
	}
	held, err := holders() // reads every process: only where one is asked for
	for i, inode := range inodes {
		all[i].Program = held[inode].program
	}
	return all, err
}

// udpUnconnected is the state of a UDP socket to which any far end may send
// (TCP_CLOSE in the kernel's tcp_states.h).
const udpUnconnected = "07"
