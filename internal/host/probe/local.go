package probe

import (
	"net"
	"net/netip"
)

// IsLocal reports whether an address is one of this host's interfaces, in the calling
// thread's network namespace. Where they cannot be read none is.
func IsLocal(a netip.Addr) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, local := range addresses {
		if p, err := netip.ParsePrefix(local.String()); err == nil && p.Addr() == a {
			return true
		}
	}
	return false
}
