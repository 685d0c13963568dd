package trial

import (
	"os"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// An unreadable journal locks no user out: what is on trial ends by a
// revert all the same, which says what it cannot know. One that has gone ends so
// too, and by any command that changes the host.
func TestBrokenJournal(t *testing.T) {
	trials.OnTrial(t, func(t *testing.T, s *trials.Site) {
		path := stage.Journal.Folder + "/journal.json"
		before := trials.Lasting(t)
		for _, c := range []struct {
			name    string
			breakIt func() error
			code    int
			says    string
		}{
			{"empty", func() error { return os.Truncate(path, 0) }, 4, "its kernel settings and new sets stay"},
			{"cut off", func() error { return os.Truncate(path, 99) }, 4, "its kernel settings and new sets stay"},
			{"gone", func() error { return os.Remove(path) }, 0, "Reverted."},
		} {
			t.Run(c.name, func(t *testing.T) {
				token, _ := trials.TryOut(t, s.After, "1m")
				run.KillAll(t)
				require.NoError(t, c.breakIt())
				if c.code != 0 {
					for _, args := range [][]string{{"confirm", token}, {"apply", s.Before, "--auto-approve", "--no-guard"}, {"rollback", "--auto-approve", "--no-guard"}} {
						require.Contains(t, run.ExpectAs(t, run.Confirming, 1, args...), path+": the journal is not as it was written", "hardenctl revert")
					}
				}
				require.Contains(t, run.Expect(t, c.code, "revert"), c.says)
				trials.NoTrialLeft(t)
				s.IsNew(t, false)
				run.Expect(t, 0, "apply", s.Before, "--auto-approve", "--no-guard", "--confirm-within", "0")
				trials.Lasting(t).Is(t, before)
				trials.NothingUnderWay(t)
			})
		}
	})
}
