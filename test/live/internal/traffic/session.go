package traffic

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// Echo sends back what comes on each connection.
func Echo(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	io.Copy(c, c)
}

// OpenSession connects to a service of the test on port 443 that echoes.
func OpenSession(t *testing.T, client *lab.Host, server string) net.Conn {
	t.Helper()
	address := net.JoinHostPort(server, "443")
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go Echo(l)
	conn, err := client.Dial("tcp", address, lab.Patience)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// Stream is a connection on which both sides send without a pause.
type Stream struct {
	Server  string
	conn    net.Conn
	done    chan struct{}
	longest time.Duration
	ticks   atomic.Int64
	err     error
	resent  uint32 // segments that the client has sent again
}

// run sends and waits for the echo, again and again, until the connection is
// closed.
func (s *Stream) run() {
	defer close(s.done)
	buffer := make([]byte, 1)
	for {
		sent := time.Now()
		s.conn.SetDeadline(sent.Add(lab.Patience))
		if _, s.err = s.conn.Write(buffer); s.err != nil {
			return
		}
		if _, s.err = io.ReadFull(s.conn, buffer); s.err != nil {
			return
		}
		s.longest = max(s.longest, time.Since(sent))
		if info := lab.TCPInfo(s.conn); info != nil {
			s.resent = info.Total_retrans
		}
		s.ticks.Add(1)
		time.Sleep(Tick)
	}
}

// GoesOn waits for five more ticks.
func (s *Stream) GoesOn(t *testing.T) {
	t.Helper()
	before := s.ticks.Load()
	lab.Await(t, "a stream that goes on", func() bool { return s.ticks.Load() >= before+5 })
}

// End hangs up, and fails the test if the stream broke or stalled before. How long
// it took is noted: what else this machine does changes that.
func (s *Stream) End(t *testing.T) {
	t.Helper()
	s.conn.Close()
	<-s.done
	if s.err == nil || !strings.Contains(s.err.Error(), "use of closed network connection") {
		t.Errorf("%s: the stream broke after %d ticks: %v", s.Server, s.ticks.Load(), s.err)
	}
	if n := s.ticks.Load(); s.resent > mostResent || n < 5 {
		t.Errorf("%s: %d ticks, and %d segments were sent again", s.Server, n, s.resent)
	}
	t.Logf("%s: %d ticks, the longest took %v, %d segments were sent again", s.Server, s.ticks.Load(), s.longest, s.resent)
}

// OpenStream opens a session on which both sides send without a pause.
func OpenStream(t *testing.T, client *lab.Host, server string) *Stream {
	t.Helper()
	s := &Stream{Server: server, conn: OpenSession(t, client, server), done: make(chan struct{})}
	go s.run()
	return s
}

// How long an answer is waited for that must not come, and how often a stream
// ticks.
const (
	Stall = 2 * time.Second
	Tick  = 20 * time.Millisecond
)

// mostResent is how often a stream may lose a segment: when rules change, the one
// or the other packet may meet none of them.
const mostResent = 3
