package lab

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hardenctl/hardenctl/internal/wire"
)

// Service is an open port of the server, for both families.
type Service struct {
	banner string
	count  atomic.Int64
	closer io.Closer
}

// Count returns how many connections, or UDP datagrams, have arrived so far.
func (s *Service) Count() int { return int(s.count.Load()) }

// Banner returns the line that a TCP service sends to each client.
func (s *Service) Banner() string { return s.banner }

// Serve opens a port of the server until the end of the test. A "tcp" service
// greets with its Banner and hangs up when the client does; a "udp" service
// sends each datagram back.
func Serve(t T, protocol string, port int) *Service {
	t.Helper()
	Require(t)
	s, err := Listen(protocol, port)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// Listen is Serve for callers that are not tests. The caller closes the service.
func Listen(protocol string, port int) (*Service, error) {
	s := &Service{banner: fmt.Sprintf("lab %s/%d\r\n", protocol, port)}
	var err error
	s.closer, err = wire.Listen(protocol, ":"+strconv.Itoa(port), s.greet, func() { s.count.Add(1) })
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	return s, nil
}

// Close closes the port. Connections that are open end by themselves.
func (s *Service) Close() error { return s.closer.Close() }

// greet waits for the client to hang up, so that the server is not the one who
// keeps the port in TIME_WAIT and unread bytes never turn into a reset.
func (s *Service) greet(c net.Conn) {
	defer c.Close()
	s.count.Add(1)
	c.SetDeadline(time.Now().Add(Patience))
	io.WriteString(c, s.banner)
	io.Copy(io.Discard, c)
}
