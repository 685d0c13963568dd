package trial

import (
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// isOver waits until a trial is over in the journal and in the kernel. No command has
// to clear up for that.
func isOver(t *testing.T) {
	t.Helper()
	lab.Await(t, "the end of the trial, in the journal and in the kernel", func() bool {
		e, err := stage.Journal.Read()
		for set, members := range trials.Halves {
			for _, half := range members {
				if banset.Remaining(t, set, half) >= 0 {
					return false
				}
			}
		}
		return err == nil && !e.Pending()
	})
}
