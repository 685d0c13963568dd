// Package trials puts profiles on trial, moves the deadline, and holds what must be true
// of the host when a trial is over.
package trials

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// Halves are what the guard of a trial holds, by its set.
var Halves = map[string][]string{
	"hardenctl_trial_v4": {"0.0.0.0/1", "128.0.0.0/1"},
	"hardenctl_trial_v6": {"::/1", "8000::/1"},
}

// MoveDeadline has the trial that is pending end in another time than it was
// begun with, in the journal and in the kernel: a test can do its part in a trial
// that is long, and need not wait for the end. Before, journal and kernel must
// agree.
func MoveDeadline(t *testing.T, left time.Duration) (deadline time.Time) {
	t.Helper()
	GuardHolds(t)
	return SetDeadline(t, left)
}

// SetDeadline is MoveDeadline where the sets of the trial were saved and loaded again, by
// which they have lost a second.
func SetDeadline(t *testing.T, left time.Duration) (deadline time.Time) {
	t.Helper()
	e, err := stage.Journal.Read()
	require.NoError(t, err)
	holdFor(t, max(1, int(left.Seconds())))
	e.Deadline = journal.Now() + left // at last: a watchdog removes the sets
	require.NoError(t, stage.Journal.Write(e))
	return e.Until()
}

// holdFor has the guard of a trial hold for some seconds.
func holdFor(t *testing.T, seconds int) {
	t.Helper()
	for set, members := range Halves {
		for _, half := range members {
			run.Tool(t, fmt.Sprintf("ipset -exist add %s %s timeout %d", set, half, seconds))
		}
	}
}

// ShortenGuard has what the guard of a trial holds, if there is one, end in a
// second. That it holds for a time must be so by itself.
func ShortenGuard(t *testing.T) {
	t.Helper()
	sets := strings.Fields(run.Tool(t, "ipset list -n"))
	for set, members := range Halves {
		for _, half := range members {
			if slices.Contains(sets, set) && banset.Remaining(t, set, half) > 0 {
				run.Tool(t, fmt.Sprintf("ipset -exist add %s %s timeout 1", set, half))
			}
		}
	}
}

// GuardHolds checks that the kernel holds the guard of a trial for as long as the
// journal says that the trial lasts: no less, and a second more at most.
func GuardHolds(t *testing.T) {
	t.Helper()
	for set, members := range Halves {
		for _, half := range members {
			before, err := stage.Journal.Read()
			require.NoError(t, err)
			most := before.Left()
			held := time.Duration(banset.Remaining(t, set, half)) * time.Second
			if least := before.Left(); held < least-time.Second || held > most+2*time.Second {
				t.Errorf("the guard %s holds %s for %v more, and the trial lasts for %v", set, half, held, least)
			}
		}
	}
}

// Ended waits until nothing is under way.
func Ended(t *testing.T) {
	t.Helper()
	lab.Await(t, "the end of the trial", func() bool { return len(testfile.Glob(t, stage.Journal.Folder+"/*")) == 0 })
}

// NoteP4 notes how long after its deadline a trial was felt. The promise is five
// seconds, of which a busy machine may use up some by itself.
func NoteP4(t *testing.T, deadline time.Time) {
	t.Helper()
	t.Logf("the trial is over %v after its deadline", time.Since(deadline).Round(10*time.Millisecond))
}
