package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	requestSize  = 100
	responseSize = 1000
	workers      = 8
	// sources is how many addresses the requests come from in turn, so that
	// none of them meets a limit that the profile sets for one source.
	sources = 1024
	// patience ends a request whose packets were dropped; a SYN is sent again
	// after a second.
	patience = 900 * time.Millisecond
)

// serve answers requests, swallows streams and sends downloads until it is killed.
func serve() error {
	requests, err := net.Listen("tcp", ":80")
	if err != nil {
		return err
	}
	sink, err := net.Listen("tcp", ":443")
	if err != nil {
		return err
	}
	source, err := net.Listen("tcp", ":8080")
	if err != nil {
		return err
	}
	go each(requests, answer)
	go each(source, send)
	each(sink, func(c net.Conn) { io.CopyBuffer(onlyWriter{io.Discard}, onlyReader{c}, make([]byte, 1<<18)) })
	return net.ErrClosed
}

// send fills a connection until the other end hangs up.
func send(c net.Conn) {
	c.(*net.TCPConn).SetWriteBuffer(1 << 18)
	for block := make([]byte, 1<<16); ; {
		if _, err := c.Write(block); err != nil {
			return
		}
	}
}

// onlyReader and onlyWriter hide the shortcuts of what they hold: splice would
// leave out the copy that a program makes.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

func each(l net.Listener, f func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			f(c)
		}()
	}
}

// answer leaves it to the client to hang up first.
func answer(c net.Conn) {
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadFull(c, make([]byte, requestSize)); err == nil {
		c.Write(make([]byte, responseSize))
		io.Copy(io.Discard, c)
	}
}

// connect sends requests, each by a connection of its own, and returns how many
// were answered.
func connect(to netip.Addr, length time.Duration) (float64, error) {
	var answered, turn atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			for time.Since(start) < length {
				if request(netip.AddrPortFrom(to, 80), int(turn.Add(1)%sources)) == nil {
					answered.Add(1)
				}
			}
		}()
	}
	all.Wait()
	return float64(answered.Load()), nil
}

// request makes one request from the client's address of that number.
func request(to netip.AddrPort, number int) error {
	source := netip.AddrFrom4([4]byte{10, 64, byte(number >> 8), byte(number)})
	d := net.Dialer{Timeout: patience, Control: latePort}
	d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	c, err := d.DialContext(context.Background(), "tcp4", to.String())
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(make([]byte, requestSize)); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, responseSize))
	return err
}

// latePort lets the kernel choose the port when it knows the other end, so that
// ports in TIME-WAIT can be taken again (IP_BIND_ADDRESS_NO_PORT in ip(7)).
func latePort(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	if err != nil {
		return err
	}
	return failed
}

// stream fills one connection, and returns the bytes that have arrived when the
// other end has read them all. A small buffer keeps both ends in step.
func stream(to netip.Addr, length time.Duration) (float64, error) {
	c, err := net.DialTimeout("tcp", netip.AddrPortFrom(to, 443).String(), time.Second)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	start, block, total := time.Now(), make([]byte, 1<<16), 0
	c.SetDeadline(start.Add(length + 5*time.Second))
	c.(*net.TCPConn).SetWriteBuffer(1 << 18)
	for time.Since(start) < length {
		n, err := c.Write(block)
		if total += n; err != nil {
			return 0, err
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return 0, err
	}
	if _, err := c.Read(block); err != io.EOF {
		return 0, fmt.Errorf("the sink did not hang up: %w", err)
	}
	return float64(total), nil
}

// download reads one connection that the other end fills, and returns the bytes.
func download(from netip.Addr, length time.Duration) (float64, error) {
	c, err := net.DialTimeout("tcp", netip.AddrPortFrom(from, 8080).String(), time.Second)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	start, block, total := time.Now(), make([]byte, 1<<18), 0
	c.SetDeadline(start.Add(length + 5*time.Second))
	for time.Since(start) < length {
		n, err := c.Read(block)
		if total += n; err != nil {
			return 0, err
		}
	}
	return float64(total), nil
}
