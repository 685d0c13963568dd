package banset

import (
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// EntryOf is a source in one of our sets; of IPv6, its /64.
func EntryOf(set string, a netip.Addr) Entry {
	name, a := SourceSet(set, a)
	return Entry{name, a.String()}
}

// Entry is what a set of the kernel holds for a time.
type Entry struct{ Set, Member string }

// Left is how many seconds the entry has left; -1 if there is none.
func (e Entry) Left(t *testing.T) int {
	t.Helper()
	return Remaining(t, e.Set, e.Member)
}

// Shortens gives the entry so many seconds, of which it has more.
func (e Entry) Shortens(t *testing.T, seconds int) {
	t.Helper()
	if left := e.Left(t); left <= seconds {
		t.Errorf("%s holds %s for %d s, want more than %d", e.Set, e.Member, left, seconds)
	}
	run.Tool(t, fmt.Sprintf("ipset -exist add %s %s timeout %d", e.Set, e.Member, seconds))
}

// RunsOut waits until the entry has no time left, which comes soon.
func (e Entry) RunsOut(t *testing.T) {
	t.Helper()
	e.Shortens(t, 1)
	lab.Await(t, "the end of the time of "+e.Member+" in "+e.Set, func() bool { return e.Left(t) < 0 })
}

// Remaining is how many seconds a ban has left; -1 if there is none.
func Remaining(t *testing.T, set, address string) int {
	t.Helper()
	out, err := exec.Command("ipset", "save", set).Output()
	require.NoError(t, err)
	found := regexp.MustCompile(fmt.Sprintf(`(?m)^add %s %s timeout (\d+)`, set, regexp.QuoteMeta(address))).FindStringSubmatch(string(out))
	if found == nil {
		return -1
	}
	seconds, _ := strconv.Atoi(found[1])
	return seconds
}

// Header is what the kernel says of a set.
func Header(t *testing.T, name string) kernelset.Header {
	t.Helper()
	all, err := kernelset.List()
	require.NoError(t, err)
	for _, h := range all {
		if h.Name == name {
			return h
		}
	}
	t.Fatalf("no set %s", name)
	return kernelset.Header{}
}
