package live

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// setEntry is what a set of the kernel holds for a time.
type setEntry struct{ set, member string }

// entryOf is a source in one of our sets; of IPv6, its /64.
func entryOf(set string, a netip.Addr) setEntry {
	name, a := sourceSet(set, a)
	return setEntry{name, a.String()}
}

// left is how many seconds the entry has left; -1 if there is none.
func (e setEntry) left(t *testing.T) int {
	t.Helper()
	return remaining(t, e.set, e.member)
}

// shortens gives the entry so many seconds, of which it has more.
func (e setEntry) shortens(t *testing.T, seconds int) {
	t.Helper()
	if left := e.left(t); left <= seconds {
		t.Errorf("%s holds %s for %d s, want more than %d", e.set, e.member, left, seconds)
	}
	tool(t, fmt.Sprintf("ipset -exist add %s %s timeout %d", e.set, e.member, seconds))
}

// runsOut waits until the entry has no time left, which comes soon.
func (e setEntry) runsOut(t *testing.T) {
	t.Helper()
	e.shortens(t, 1)
	lab.Await(t, "the end of the time of "+e.member+" in "+e.set, func() bool { return e.left(t) < 0 })
}
