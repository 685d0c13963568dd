// Package kernelset reads and changes the kernel's ipsets over netlink.
//
// Single operations on whole sets (flush, swap, destroy) are ipset-go's.
// Headers, members and changes of members are messages of our own on the same
// netlink socket type, because a blocklist has a million entries: ipset-go
// sends one message an entry and reads a whole set into memory. Sets are made
// by `ipset restore`, so that the tool and not this package knows the options
// of every set type.
//
// Sets belong to a network namespace, and a netlink socket to the one of the
// thread that opens it. Every function opens and closes its own socket in the
// calling goroutine; a caller in another namespace than the process must hold
// its thread with runtime.LockOSThread. All need CAP_NET_ADMIN there.
//
// Nothing here is atomic beyond one entry. To replace what a set holds, fill
// another, compare its count, and Swap.
package kernelset

import (
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// The set types whose members this package reads and changes.
const (
	HashIP  = "hash:ip"
	HashNet = "hash:net"
)

// Header is what the kernel tells about a set without its members. A field that
// the type does not have is zero.
type Header struct {
	Name string
	Type string // such as "hash:net"
	// Revision is that of the type, as the kernel chose it at create.
	Revision uint8
	// Family is 0 for types without one, such as list:set.
	Family   ruleset.Family
	HashSize uint32
	MaxElem  uint32
	// Netmask is the length to which a hash:ip set cuts addresses; 0 means
	// that it does not.
	Netmask uint8
	// HasTimeout says that entries can expire. Timeout is then what an entry
	// gets that states none; 0 there means that it stays.
	HasTimeout bool
	Timeout    time.Duration
	// ForceAdd says that a full set lets a random entry go for a new one.
	ForceAdd bool
	Counters bool
	Comments bool
	// References counts the rules and list:sets that name the set.
	References uint32
	// Entries counts members. In a set with timeouts it can still count some
	// that have expired.
	Entries uint32
	// Memory is in bytes.
	Memory uint32

	// Options is what Declared says more.
	Options Options
}

// Forever is the Timeout of an entry that stays in a set whose entries expire.
const Forever time.Duration = -1

// Entry is one member of a hash:ip or hash:net set.
type Entry struct {
	// Prefix is a single address in a hash:ip set without a netmask, and has
	// the netmask's length in one with it.
	Prefix netip.Prefix
	// Timeout is the time left, in whole seconds, or Forever. It is 0 where the
	// set has no timeouts; on adding, 0 means the set's own default.
	Timeout time.Duration
	// NoMatch makes the entry an exception: what it covers is not in a
	// hash:net set, although a wider entry covers it too.
	NoMatch bool
	// Packets and Bytes are what the entry has counted; 0 in a set that does not
	// count, to which they are not added.
	Packets, Bytes uint64
}
