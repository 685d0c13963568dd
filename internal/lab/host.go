package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"time"

	"github.com/hardenctl/hardenctl/internal/netns"
)

// Host is a machine of a Network: a network namespace with its own addresses.
type Host struct {
	name     string
	port     string // the server's end of the cable
	prefixes []netip.Prefix
}

// Name returns the name under which the host joined, which is also the name of
// its namespace.
func (h *Host) Name() string { return h.name }

// V4 returns the host's first IPv4 address, or the zero Addr.
func (h *Host) V4() netip.Addr { return h.first(netip.Addr.Is4) }

// V6 returns the host's first IPv6 address, or the zero Addr.
func (h *Host) V6() netip.Addr { return h.first(netip.Addr.Is6) }

func (h *Host) first(family func(netip.Addr) bool) netip.Addr {
	for _, p := range h.prefixes {
		if family(p.Addr()) {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// Command is a program that will run on the host, with its own view of /sys, which
// `ip netns exec` gives it.
func (h *Host) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", h.name, name}, args...)...)
}

// Dial connects from the host. The address is numeric: a host has no resolver.
func (h *Host) Dial(network, address string, timeout time.Duration) (net.Conn, error) {
	return h.dial(context.Background(), net.Dialer{Timeout: timeout}, network, address)
}

// DialFrom connects from one of the host's addresses and ports; port 0 leaves
// the port to the kernel.
func (h *Host) DialFrom(local netip.AddrPort, network, address string, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout, LocalAddr: net.TCPAddrFromAddrPort(local)}
	if network == "udp" || network == "udp4" || network == "udp6" {
		d.LocalAddr = net.UDPAddrFromAddrPort(local)
	}
	return h.dial(context.Background(), d, network, address)
}

func (h *Host) dial(ctx context.Context, d net.Dialer, network, address string) (net.Conn, error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("dial from %s: %w", h.name, err)
	}
	var conn net.Conn
	err := h.Do(func() (err error) {
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Do calls f on a thread that is in the host's namespace, for what Dial and
// Command cannot do, by the rules of netns.Space.Do.
func (h *Host) Do(f func() error) error {
	space, err := h.space()
	if err != nil {
		return err
	}
	defer space.Close()
	return space.Do(f)
}

// space opens the host's namespace. The caller closes it.
func (h *Host) space() (*netns.Space, error) {
	space, err := netns.Named(h.name)
	if err != nil {
		return nil, fmt.Errorf("the host %s has left: %w", h.name, err)
	}
	return space, nil
}
