package traffic

import (
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// SYN is a SYN as Linux sends it, with any source address.
func SYN(from netip.Addr, port int) lab.Segment {
	server := lab.ServerV4
	if from.Is6() {
		server = lab.ServerV6
	}
	return lab.Segment{
		From:  netip.AddrPortFrom(from, uint16(20000+port%20000)),
		To:    netip.AddrPortFrom(netip.MustParseAddr(server), uint16(port)),
		Flags: lab.SYN, Seq: 1000, Window: 64240, Options: LinuxOptions,
	}
}

// SYNs are SYNs to n ports, the first and those behind it.
func SYNs(from netip.Addr, first, n int) []lab.Segment {
	var all []lab.Segment
	for i := range n {
		all = append(all, SYN(from, first+i))
	}
	return all
}

// LinuxOptions are those of a SYN of Linux: a segment size of 1460, SACK,
// timestamps and a window scale of 7.
var LinuxOptions = []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7}

// ToPort are SYNs to one port from each of the sources.
func ToPort(port int, from []netip.Addr) []lab.Segment {
	var all []lab.Segment
	for _, a := range from {
		all = append(all, SYN(a, port))
	}
	return all
}

// NewForger is a host that has found its way to the server: while its own
// link-local address is young, it cannot ask for the server's in another's name.
func NewForger(t *testing.T, n *lab.Bench) *lab.Host {
	t.Helper()
	h := n.Host("forger", "203.0.113.67", "2001:db8:bad:67::67")
	Arrive(t, h)
	return h
}

// Crowd are SYNs to one port from n sources of 10.0.0.0/8.
func Crowd(port, n int) []lab.Segment {
	var all []lab.Segment
	for i := range n {
		all = append(all, SYN(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), port))
	}
	return all
}

// Sources are n sources from the first on: addresses of IPv4, /64s of IPv6.
func Sources(first netip.Addr, n int) []netip.Addr {
	var all []netip.Addr
	for b := first.AsSlice(); len(all) < n; {
		a, _ := netip.AddrFromSlice(b)
		all = append(all, a)
		for i := min(len(b), 8) - 1; ; i-- {
			if b[i]++; b[i] != 0 {
				break
			}
		}
	}
	return all
}
