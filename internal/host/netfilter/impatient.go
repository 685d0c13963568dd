//go:build impatient

package netfilter

import (
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Built with the tag impatient, hardenctl waits 0.3 s for an answer of the kernel's,
// which comes at once or never, where it else waits 30 s, and ipset-go 60 s. Nothing
// else differs: for tests in which answers do not come.
func init() {
	patience = unix.Timeval{Usec: 300_000}
	nl.SocketTimeoutTv = patience
}
