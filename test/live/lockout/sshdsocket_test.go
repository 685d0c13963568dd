package lockout

import (
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// newSocketSSHD serves port 22 as ssh.socket of systemd does: one socket listens
// for both families, and each connection gets an sshd of its own (sshd -i). To
// the kernel a client over IPv4 is then ::ffff:192.0.2.7, in the table of
// IPv6. It ends with the test.
func newSocketSSHD(t *testing.T) *sshd {
	t.Helper()
	d := configureSSHD(t)
	l, err := net.Listen("tcp", "[::]:22")
	require.NoError(t, err)
	var sessions sync.WaitGroup
	ended := make(chan struct{})
	sessions.Add(1)
	go func() {
		defer sessions.Done()
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				sessions.Add(1)
				go func() {
					defer sessions.Done()
					d.serve(t, conn, ended)
				}()
			}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		close(ended)
		sessions.Wait()
	})
	return d
}

// serve hands a connection to an sshd, until that ends or is told to.
func (d *sshd) serve(t *testing.T, conn net.Conn, end <-chan struct{}) {
	socket, err := conn.(*net.TCPConn).File()
	conn.Close()
	if err != nil {
		t.Error(err)
		return
	}
	server := d.server(t, "-i")
	server.Stdin, server.Stdout = socket, socket
	err = lab.StartDaemon(server)
	socket.Close()
	if err != nil {
		t.Error(err)
		return
	}
	gone := make(chan struct{})
	go func() { server.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-end:
		endSessions(server.Process.Pid)
		server.Process.Kill()
		<-gone
	}
}
