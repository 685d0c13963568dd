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

// States of a socket, as State has them.
const (
	tcpOpen     = "01"
	tcpTimeWait = "06"
	tcpListen   = "0A"
)

// State is that of a TCP socket, as /proc/net/tcp writes the numbers of the
// kernel's tcp_states.h.
type State string

// The states of a connection that is open, at least one way or for the end of
// what was sent. One that is being made is none of them: anybody can begin one in
// another's name.
const (
	Established State = tcpOpen
	FinWait1    State = "04"
	FinWait2    State = "05"
	CloseWait   State = "08"
	LastAck     State = "09"
	Closing     State = "0B"
)

var openStates = []State{Established, FinWait1, FinWait2, CloseWait, LastAck, Closing}

// Connection is an open TCP connection of the host.
type Connection struct {
	Near, Far netip.AddrPort
	// Inbound says that the near end is a port of a service of the host.
	Inbound bool
	State   State
}

// OpenConnections returns the TCP connections that are open in the calling
// thread's network namespace, inbound ones first, those over loopback left out.
// An IPv4 address that an IPv6 socket talks to is an IPv4 address.
func OpenConnections() ([]Connection, error) {
	sockets, err := tcpSockets()
	return connections(sockets), err
}

// tcpSockets returns the TCP sockets of the calling thread's network namespace.
func tcpSockets() ([]socket, error) { return socketsOf("tcp", "tcp6") }

// socketsOf reads tables of /proc/net.
func socketsOf(names ...string) ([]socket, error) {
	var sockets []socket
	for _, name := range names {
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

// connections are the sockets that have an open connection.
func connections(sockets []socket) []Connection {
	served := map[uint16]bool{}
	for _, s := range sockets {
		if s.state == tcpListen {
			served[s.near.Port()] = true
		}
	}
	var inbound, outbound []Connection
	for _, s := range sockets {
		switch {
		case !slices.Contains(openStates, State(s.state)), s.far.Addr().IsLoopback():
		case served[s.near.Port()]:
			inbound = append(inbound, Connection{s.near, s.far, true, State(s.state)})
		default:
			outbound = append(outbound, Connection{s.near, s.far, false, State(s.state)})
		}
	}
	return append(inbound, outbound...)
}

// parseEnd reads "0100007F:1F90": the address as words of 32 bits, each a
// number in the machine's own byte order, and the port, all in hex.
func parseEnd(text string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(address)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", text)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	number, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address and port", text)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), nil
}
