package probe

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// States of a TCP socket that has no connection for a packet to come by, in
// the numbers of the kernel's tcp_states.h.
const (
	tcpOpen     = "01" // established
	tcpTimeWait = "06"
	tcpClose    = "07"
	tcpListen   = "0A"
)

// Connection is an open TCP connection of the host.
type Connection struct {
	Far netip.AddrPort
	// Inbound says that the near end is a port of a service of the host.
	Inbound bool
}

// OpenConnections returns the TCP connections that are open in the calling
// thread's network namespace, each far end once, inbound ones first, those over
// loopback left out. An IPv4 address that an IPv6 socket talks to is an IPv4
// address.
func OpenConnections() ([]Connection, error) {
	sockets, err := tcpSockets()
	return connections(sockets), err
}

// tcpSockets returns the TCP sockets of the calling thread's network namespace.
func tcpSockets() ([]socket, error) {
	var sockets []socket
	for _, name := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile("/proc/thread-self/net/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // no such family on this kernel
		}
		if err != nil {
			return nil, err
		}
		found, err := readSockets(text)
		if err != nil {
			return nil, fmt.Errorf("/proc/net/%s: %w", name, err)
		}
		sockets = append(sockets, found...)
	}
	return sockets, nil
}

// socket is one line of the kernel's table.
type socket struct {
	near, far netip.AddrPort
	state     string
	inode     string // of the file that a process holds; "0" for none, "" if not told
}

// readSockets reads the table of /proc/net/tcp (proc_net_tcp.rst in the
// kernel's documentation): a heading, then a socket a line, with its number,
// the near and the far end and its state in front, and its inode in field 10.
func readSockets(text []byte) ([]socket, error) {
	var sockets []socket
	for n, line := range bytes.Split(text, []byte("\n")) {
		fields := strings.Fields(string(line))
		if n == 0 || len(fields) == 0 {
			continue
		}
		if len(fields) < 4 {
			return nil, fmt.Errorf("line %d: %d fields", n+1, len(fields))
		}
		near, err := parseEnd(fields[1])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		far, err := parseEnd(fields[2])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		sockets = append(sockets, socket{near, far, fields[3], ""})
		if len(fields) > 9 {
			sockets[len(sockets)-1].inode = fields[9]
		}
	}
	return sockets, nil
}

// connections are the sockets that have a far end for a packet to come from.
func connections(sockets []socket) []Connection {
	served := map[uint16]bool{}
	for _, s := range sockets {
		if s.state == tcpListen {
			served[s.near.Port()] = true
		}
	}
	var inbound, outbound []Connection
	seen := map[netip.AddrPort]bool{}
	for _, s := range sockets {
		switch {
		case s.state == tcpListen, s.state == tcpClose, s.state == tcpTimeWait, s.far.Addr().IsLoopback():
		case served[s.near.Port()]:
			inbound = append(inbound, Connection{s.far, true})
		default:
			outbound = append(outbound, Connection{s.far, false})
		}
	}
	return slices.DeleteFunc(append(inbound, outbound...), func(c Connection) bool {
		again := seen[c.Far]
		seen[c.Far] = true
		return again
	})
}

// parseEnd reads "0100007F:1F90": the address as words of 32 bits, each a
// number in the machine's own byte order, and the port, all in hex.
func parseEnd(text string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(address)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", text)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	number, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no address and port", text)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), nil
}
