package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/knock"
)

const (
	// patience is how long an answer may take that should come at once. A SYN
	// that is lost is sent again after a second.
	patience = 1500 * time.Millisecond
	// logins is how many connections in a row a visitor must be able to make:
	// whose first attempt fails, or who copies a file, needs more than one.
	logins = 3
	// together is how many visits are made at once.
	together = 32
)

// each calls f for every visit, many at once, and waits for all.
func (s *scene) each(f func(*visit)) {
	var group sync.WaitGroup
	room := make(chan struct{}, together)
	for _, v := range s.visits {
		group.Add(1)
		room <- struct{}{}
		go func() {
			defer group.Done()
			f(v)
			<-room
		}()
	}
	group.Wait()
}

// begin opens the connections that are there before the rules. That one of them
// fails is not a refusal: nothing refuses yet.
func (s *scene) begin(ctx context.Context) error {
	var lock sync.Mutex
	var failed error
	s.each(func(v *visit) {
		if !v.connected {
			return
		}
		conn, err := s.dial(ctx, v)
		if err == nil {
			err = echoed(conn)
		}
		lock.Lock()
		defer lock.Unlock()
		if conn != nil {
			s.open[v] = conn
		}
		if err != nil {
			failed = err
		}
	})
	return failed
}

// callAll makes all visits under the rules.
func (s *scene) callAll(ctx context.Context) {
	s.each(func(v *visit) {
		broken := make(chan bool, 1)
		go func() { broken <- v.connected && echoed(s.open[v]) != nil }()
		v.refused = s.logIn(ctx, v)
		v.broken = <-broken
	})
}

// logIn connects as often as a visitor must be able to, and returns what it
// could not do.
func (s *scene) logIn(ctx context.Context, v *visit) (refused string) {
	if v.knock != nil {
		err := s.outside[v.link].Do(func() error {
			return knock.SendFrom(ctx, s.scoped(v, v.from), s.scoped(v, v.to), v.knock, knock.MinDelay)
		})
		if err != nil {
			return fmt.Sprintf("it could not knock: %v", err)
		}
	}
	for done := range logins {
		err := s.connectOnce(ctx, v)
		switch {
		case err == nil:
		case done == 0:
			return "a new connection would be refused"
		default:
			return fmt.Sprintf("of %d new connections in a row only %d would be accepted", logins, done)
		}
	}
	return ""
}

func (s *scene) connectOnce(ctx context.Context, v *visit) error {
	conn, err := s.dial(ctx, v)
	if err != nil {
		return err
	}
	defer conn.Close()
	return errors.Join(echoed(conn), hungUp(conn))
}

// hungUp ends a connection and waits until the other end has too: a limit of
// connections at once would count it beside the next one.
func hungUp(conn net.Conn) error {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	err := tcp.CloseWrite()
	if err == nil {
		_, err = io.Copy(io.Discard, tcp)
	}
	return err
}

// dial connects from the visitor's address.
func (s *scene) dial(ctx context.Context, v *visit) (conn net.Conn, err error) {
	return s.dialWithin(ctx, v, patience)
}

func (s *scene) dialWithin(ctx context.Context, v *visit, wait time.Duration) (conn net.Conn, err error) {
	local := netip.AddrPortFrom(s.scoped(v, v.from), 0)
	dialer := net.Dialer{Timeout: wait, LocalAddr: net.TCPAddrFromAddrPort(local)}
	if v.protocol == "udp" {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(local)
	}
	err = s.outside[v.link].Do(func() error {
		conn, err = dialer.DialContext(ctx, v.protocol, netip.AddrPortFrom(s.scoped(v, v.to), v.number).String())
		return err
	})
	return conn, err
}

// scoped returns an end of a visit for use in the visitor's namespace: the zone
// of a link-local address is the interface there, by its number, since net
// remembers names from the host.
func (s *scene) scoped(v *visit, a netip.Addr) netip.Addr {
	if a.Zone() == "" {
		return a
	}
	return a.WithZone(strconv.Itoa(s.farIndex[v.link]))
}

// echoed sends a byte on a connection and waits for it to come back. A
// datagram that was lost is not sent again, as TCP does, and one can be
// while the two ends still learn where the other is: it is sent three times.
func echoed(conn net.Conn) error {
	tries := 1
	if _, ok := conn.(*net.UDPConn); ok {
		tries = 3
	}
	var err error
	for range tries {
		if err = echoedWithin(conn, patience/time.Duration(tries)); !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return err
}

func echoedWithin(conn net.Conn, wait time.Duration) error {
	conn.SetDeadline(time.Now().Add(wait))
	if _, err := conn.Write([]byte("?")); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 1))
	return err
}
