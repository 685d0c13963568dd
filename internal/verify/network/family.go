package network

import (
	"net"
	"net/netip"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// Families are those that are attacked. A profile that switches IPv6 off
// promises that nothing is open there, which is attacked as well.
var Families = []int{4, 6}

// Server returns the server's address of a family.
func Server(family int) netip.Addr {
	if family == 4 {
		return netip.MustParseAddr(lab.ServerV4)
	}
	return netip.MustParseAddr(lab.ServerV6)
}

// ServerLink is the hardware address that lab gives the server.
var ServerLink = net.HardwareAddr{2, 0, 0, 0, 0, 1}

// Via returns the address of a host in a family.
func Via(h *lab.Host, family int) netip.Addr {
	if family == 4 {
		return h.V4()
	}
	return h.V6()
}

// FamilyOf returns 4 or 6.
func FamilyOf(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}
