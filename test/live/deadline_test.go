package live

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// halves are what the guard of a trial holds, by its set.
var halves = map[string][]string{
	"hardenctl_trial_v4": {"0.0.0.0/1", "128.0.0.0/1"},
	"hardenctl_trial_v6": {"::/1", "8000::/1"},
}

// moveDeadline has the trial that is pending end in another time than it was
// begun with, in the journal and in the kernel: a test can do its part in a trial
// that is long, and need not wait for the end. Before, journal and kernel must
// agree.
func moveDeadline(t *testing.T, left time.Duration) (deadline time.Time) {
	t.Helper()
	guardHolds(t)
	return setDeadline(t, left)
}

// setDeadline is moveDeadline where the guard has been saved and loaded again, by
// which it has lost a second.
func setDeadline(t *testing.T, left time.Duration) (deadline time.Time) {
	t.Helper()
	e, err := ourJournal.Read()
	must(t, err)
	holdFor(t, max(1, int(left.Seconds())))
	e.Deadline = journal.Now() + left // at last: a watchdog removes the sets
	must(t, ourJournal.Write(e))
	return e.Until()
}

// holdFor has the guard of a trial hold for some seconds.
func holdFor(t *testing.T, seconds int) {
	t.Helper()
	for set, members := range halves {
		for _, half := range members {
			tool(t, fmt.Sprintf("ipset -exist add %s %s timeout %d", set, half, seconds))
		}
	}
}

// shortenGuard has what the guard of a trial holds, if there is one, end in a
// second. That it holds for a time must be so by itself.
func shortenGuard(t *testing.T) {
	t.Helper()
	sets := strings.Fields(tool(t, "ipset list -n"))
	for set, members := range halves {
		for _, half := range members {
			if slices.Contains(sets, set) && remaining(t, set, half) > 0 {
				tool(t, fmt.Sprintf("ipset -exist add %s %s timeout 1", set, half))
			}
		}
	}
}

// guardHolds checks that the kernel holds the guard of a trial for as long as the
// journal says that the trial lasts: no less, and a second more at most.
func guardHolds(t *testing.T) {
	t.Helper()
	for set, members := range halves {
		for _, half := range members {
			before, err := ourJournal.Read()
			must(t, err)
			most := before.Left()
			held := time.Duration(remaining(t, set, half)) * time.Second
			if least := before.Left(); held < least-time.Second || held > most+2*time.Second {
				t.Errorf("the guard %s holds %s for %v more, and the trial lasts for %v", set, half, held, least)
			}
		}
	}
}

// isOver waits until a trial is over in the journal and in the kernel. Nobody has
// to clear up for that.
func isOver(t *testing.T) {
	t.Helper()
	lab.Await(t, "the end of the trial, in the journal and in the kernel", func() bool {
		e, err := ourJournal.Read()
		for set, members := range halves {
			for _, half := range members {
				if remaining(t, set, half) >= 0 {
					return false
				}
			}
		}
		return err == nil && !e.Pending()
	})
}

// ended waits until nothing is under way.
func ended(t *testing.T) {
	t.Helper()
	lab.Await(t, "the end of the trial", func() bool { return len(glob(t, ourJournal.Folder+"/*")) == 0 })
}
