package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrUnanswered says that a connection was given up, since its SYN was not
// answered.
var ErrUnanswered = errors.New("the SYN is not answered")

// beforeNext is how long a SYN has for its answer: the kernel sends the next one
// after a second.
const beforeNext = 900 * time.Millisecond

// DialOnce opens a TCP connection by one SYN, and gives up with ErrUnanswered
// before the kernel sends another: a packet that is dropped is an error. Only the
// kernel has to be in time: it is asked for its state, so that an answer counts
// however late a busy machine lets this process know of it. The zero local leaves
// the source to the kernel.
func DialOnce(local netip.AddrPort, address string) (net.Conn, error) {
	return once(func(ctx context.Context, d net.Dialer) (net.Conn, error) { return d.DialContext(ctx, "tcp", address) }, local)
}

// DialOnce is the function of that name, on the host.
func (h *Host) DialOnce(local netip.AddrPort, address string) (net.Conn, error) {
	return once(func(ctx context.Context, d net.Dialer) (net.Conn, error) { return h.dial(ctx, d, "tcp", address) }, local)
}

// dialing opens a connection.
type dialing func(context.Context, net.Dialer) (net.Conn, error)

func once(dial dialing, local netip.AddrPort) (net.Conn, error) {
	conn, err := dialUntil(dial, local, beforeNext)
	if err == nil && TCPInfo(conn).Total_retrans > 0 {
		conn.Close()
		return nil, ErrUnanswered
	}
	return conn, err
}

// Knock sends a SYN and reports whether it was accepted within the time, which
// begins when the SYN has been sent.
func (h *Host) Knock(address string, wait time.Duration) (accepted bool, err error) {
	dial := func(ctx context.Context, d net.Dialer) (net.Conn, error) { return h.dial(ctx, d, "tcp", address) }
	conn, err := dialUntil(dial, netip.AddrPort{}, wait)
	if err == nil {
		conn.Close()
	}
	if errors.Is(err, ErrUnanswered) || errors.Is(err, syscall.ECONNREFUSED) {
		return false, nil
	}
	return err == nil, err
}

// dialUntil opens a TCP connection, and gives up when its SYN has been sent for so
// long, or was sent again, and has no answer.
func dialUntil(dial dialing, local netip.AddrPort, wait time.Duration) (net.Conn, error) {
	ctx, giveUp := context.WithCancelCause(context.Background())
	defer giveUp(nil)
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		go watchSYN(ctx, c, wait, giveUp)
		return nil
	}}
	if local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(local)
	}
	conn, err := dial(ctx, d)
	if err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	return conn, err
}

// watchSYN gives a connection up that has no answer in time.
func watchSYN(ctx context.Context, c syscall.RawConn, wait time.Duration, giveUp context.CancelCauseFunc) {
	const synSent = 2 // TCP_SYN_SENT in the kernel's include/net/tcp_states.h
	var sent time.Time
	for ; ctx.Err() == nil; time.Sleep(pollPause) {
		info := tcpInfo(c)
		switch {
		case info == nil:
			return // it is closed
		case info.State != synSent:
			continue // not sent yet, or answered
		case sent.IsZero():
			sent = time.Now()
		}
		if time.Since(sent) > wait || info.Total_retrans > 0 {
			giveUp(ErrUnanswered)
		}
	}
}

// TCPInfo is what the kernel knows of a TCP connection; nil once it is closed.
func TCPInfo(conn net.Conn) *unix.TCPInfo {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil
	}
	return tcpInfo(raw)
}

func tcpInfo(c syscall.RawConn) (info *unix.TCPInfo) {
	c.Control(func(fd uintptr) { info, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	return info
}
