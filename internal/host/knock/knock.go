// Package knock knocks at the door of another host: it sends one packet to
// each port of a sequence, in order, and waits for no answer. A host that
// listens for the sequence gives none, whether it heard or not; that the door
// is open shows when a connection comes through.
//
// Ordinary sockets do it, so that no rights are needed: a TCP knock is a
// connection that is given up before its SYN would be sent again, a UDP knock
// an empty datagram.
package knock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Port is one port of a sequence.
type Port struct {
	Network string // "tcp" or "udp"
	Number  uint16
}

// String writes a port as profiles do: "tcp/7000".
func (p Port) String() string { return fmt.Sprintf("%s/%d", p.Network, p.Number) }

// patience is the longest wait for a connection. Linux, macOS and Windows send
// a SYN again after one second (RFC 6298, section 2), so that by then one has
// gone out and no second one.
const patience = 500 * time.Millisecond

// MinDelay is the shortest delay that Send takes. Less would leave a machine
// under load no time to send a SYN before it gives the connection up.
const MinDelay = 100 * time.Millisecond

// Send knocks at an address. It lets delay pass after each knock but the last,
// at least MinDelay, so that the network does not put the next one in front of
// it. An error means that a knock did not leave this machine, or that the
// network has no way to the host.
func Send(ctx context.Context, to netip.Addr, sequence []Port, delay time.Duration) error {
	return SendFrom(ctx, netip.Addr{}, to, sequence, delay)
}

// SendFrom is Send from one of the addresses of this machine; the zero Addr
// leaves the choice to the kernel.
func SendFrom(ctx context.Context, from, to netip.Addr, sequence []Port, delay time.Duration) error {
	delay = max(delay, MinDelay)
	for i, port := range sequence {
		pause := time.After(delay)
		if err := once(ctx, from, to, port, min(delay, patience)); err != nil {
			return fmt.Errorf("knock %d of %d, %v at %v: %w", i+1, len(sequence), port, to, err)
		}
		if i == len(sequence)-1 {
			break
		}
		select {
		case <-pause:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// once sends one packet to a port. A connection is given up after wait.
func once(ctx context.Context, from, to netip.Addr, port Port, wait time.Duration) error {
	address := netip.AddrPortFrom(to, port.Number).String()
	dialer := net.Dialer{Timeout: wait, LocalAddr: localEnd(from, port.Network)}
	conn, err := dialer.DialContext(ctx, port.Network, address)
	if err != nil {
		return undelivered(ctx, err)
	}
	defer conn.Close()
	if port.Network == "udp" {
		_, err = conn.Write(nil)
	}
	return undelivered(ctx, err)
}

// localEnd returns an address in the form that a dialer takes, with any port;
// nil for the zero Addr.
func localEnd(from netip.Addr, network string) net.Addr {
	end := netip.AddrPortFrom(from, 0)
	switch {
	case !from.IsValid():
		return nil
	case network == "udp":
		return net.UDPAddrFromAddrPort(end)
	}
	return net.TCPAddrFromAddrPort(end)
}

// undelivered returns nil for what a knock ends in when it has arrived: no
// answer, or a refusal.
func undelivered(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil, errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &timeout) && timeout.Timeout():
		return nil
	}
	return err
}

// Resolve returns the first address that a host has in each family, in the
// order in which a client tries them. The network is "ip", "ip4" or "ip6".
func Resolve(ctx context.Context, network, host string) ([]netip.Addr, error) {
	all, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, err
	}
	var firsts []netip.Addr
	for _, a := range all {
		a = a.Unmap()
		if len(firsts) == 0 || len(firsts) == 1 && firsts[0].Is4() != a.Is4() {
			firsts = append(firsts, a)
		}
	}
	return firsts, nil
}

// Everywhere knocks at each address. It returns those that were reached, and
// beside them the errors of the others: a host with a name in both families is
// often reached by one of them only.
func Everywhere(ctx context.Context, addresses []netip.Addr, sequence []Port, delay time.Duration) (reached []netip.Addr, err error) {
	var failures []error
	for _, a := range addresses {
		if err := Send(ctx, a, sequence, delay); err != nil {
			failures = append(failures, err)
			continue
		}
		reached = append(reached, a)
	}
	return reached, errors.Join(failures...)
}
