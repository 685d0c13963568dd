package traffic

import (
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// Family is what a test does once for each: the server's address, and the name
// that Docker has for a container's.
type Family struct {
	Server, Docker string
	V6             bool
}

// Families are IPv4 and IPv6.
var Families = []Family{{lab.ServerV4, "IPAddress", false}, {lab.ServerV6, "GlobalIPv6Address", true}}

// OnFamilies runs a check over IPv4 and IPv6 at once: it waits most of its time
// for answers that do not come.
func OnFamilies(t *testing.T, name string, check func(t *testing.T, f Family)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		for _, f := range Families {
			t.Run(f.Server, func(t *testing.T) {
				t.Parallel()
				check(t, f)
			})
		}
	})
}

// Addresses returns the addresses of a host, IPv4 first.
func Addresses(h *lab.Host) []netip.Addr { return []netip.Addr{h.V4(), h.V6()} }

// Servers are the addresses of the server, IPv4 first.
var Servers = []string{lab.ServerV4, lab.ServerV6}

// AddressOf returns the address of a host in a family.
func AddressOf(h *lab.Host, f Family) netip.Addr {
	if f.V6 {
		return h.V6()
	}
	return h.V4()
}
