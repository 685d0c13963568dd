// Package netfilter opens the netlink sockets by which the kernel is asked about
// its sets and its connections.
package netfilter

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// patience is how long the kernel may take for one answer. It holds a lock
// while it changes sets, so that another program's large restore delays ours.
var patience = unix.Timeval{Sec: 30}

// Open returns a socket in the network namespace of the calling thread. subsystem
// names what it is for in an error, such as "ipset". An answer that does not come
// within 30 s is an error of the request (EAGAIN), so that no caller waits for ever.
func Open(subsystem string) (*nl.NetlinkSocket, error) {
	s, err := nl.Subscribe(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("cannot open a netlink socket for %s: %w", subsystem, err)
	}
	for _, limit := range []func(*unix.Timeval) error{s.SetSendTimeout, s.SetReceiveTimeout} {
		if err := limit(&patience); err != nil {
			s.Close()
			return nil, fmt.Errorf("cannot open a netlink socket for %s: %w", subsystem, err)
		}
	}
	return s, nil
}
