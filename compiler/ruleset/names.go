package ruleset

import (
	"crypto/sha256"
	"fmt"
)

// Ownership is by name: what carries these prefixes is ours to change, and
// nothing else is.
const (
	// ChainPrefix begins the name of every chain of ours.
	ChainPrefix = "HARDENCTL-"
	// SetPrefix begins the name of every set of ours.
	SetPrefix = "hardenctl-"
)

// nameRoom is how many bytes are left behind a prefix of ours in the name of a chain, which
// has 28 at most, and, with "-v4" at the end, in that of a set, which has 31.
const nameRoom = 18

// InKernel returns a name of the compiler's as the names of chains and sets have it: itself, or
// its beginning and a hash of all of it if it is too long for them.
func InKernel(name string) string {
	if len(name) <= nameRoom {
		return name
	}
	hash := fmt.Sprintf("-%x", sha256.Sum256([]byte(name)))[:7]
	return name[:nameRoom-len(hash)] + hash
}
