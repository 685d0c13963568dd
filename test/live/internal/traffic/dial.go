package traffic

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// Connect opens a connection by one SYN, waits for the greeting and hangs up: a
// single packet that is dropped is an error.
func Connect(from *lab.Host, server string, port int) error {
	return greeted(from, server, port, lab.Patience)
}

// Silence is how long a test waits for a greeting that must not come. A greeting
// that comes later makes no test fail.
const Silence = time.Second

// IsRefused reports whether the one SYN of a connection is not accepted, or the
// server says nothing on it.
func IsRefused(from *lab.Host, server string, port int) bool {
	return greeted(from, server, port, Silence) != nil
}

// greeted opens a connection by one SYN, waits for the greeting for so long, and
// hangs up.
func greeted(from *lab.Host, server string, port int, patience time.Duration) error {
	c, err := from.DialOnce(netip.AddrPort{}, net.JoinHostPort(server, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	_, err = bufio.NewReader(c).ReadString('\n')
	return err
}

// Reaches opens connections one after the other; none may fail.
func Reaches(t *testing.T, from *lab.Host, server string, port, times int) {
	t.Helper()
	for i := range times {
		if err := Connect(from, server, port); err != nil {
			t.Errorf("%s -> %s port %d: connection %d of %d: %v", from.Name(), server, port, i+1, times, err)
			return
		}
	}
}

// Refused fails the test if a connection is served.
func Refused(t *testing.T, from *lab.Host, server string, port int) {
	t.Helper()
	if !IsRefused(from, server, port) {
		t.Errorf("%s -> %s port %d: connected, want nothing", from.Name(), server, port)
	}
}

// Connects asks a port by one SYN, or two where an answer is hoped for: the first
// can be lost while neighbours are found.
func Connects(from *lab.Host, address string, hoped bool) bool {
	tries := 1
	if hoped {
		tries = 2
	}
	for range tries {
		if c, err := from.DialOnce(netip.AddrPort{}, address); err == nil {
			c.Close()
			return true
		}
	}
	return false
}

// Arrive waits until a new host reaches port 80 of the server: on a busy machine
// its link may take a moment to come up.
func Arrive(t *testing.T, h *lab.Host) {
	t.Helper()
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		lab.Await(t, fmt.Sprintf("a way from %s to %s", h.Name(), server), func() bool { return Connect(h, server, 80) == nil })
	}
}
