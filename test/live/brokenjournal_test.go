package live

import (
	"os"
	"testing"
)

// An unreadable journal locks no user out: what is on trial ends by a
// revert all the same, which says what it cannot know. One that has gone ends so
// too, and by any command that changes the host.
func TestBrokenJournal(t *testing.T) {
	onTrial(t, func(t *testing.T, s *siteOnTrial) {
		path := ourJournal.Folder + "/journal.json"
		before := lasting(t)
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
				token, _ := tryOut(t, s.after, "1m")
				killAll(t)
				must(t, c.breakIt())
				if c.code != 0 {
					for _, args := range [][]string{{"confirm", token}, {"apply", s.before, "--auto-approve", "--no-guard"}, {"rollback", "--auto-approve", "--no-guard"}} {
						contains(t, expectAs(t, confirming, 1, args...), path+": the journal is not as it was written", "hardenctl revert")
					}
				}
				contains(t, expect(t, c.code, "revert"), c.says)
				noTrialLeft(t)
				s.isNew(t, false)
				expect(t, 0, "apply", s.before, "--auto-approve", "--no-guard", "--confirm-within", "0")
				lasting(t).is(t, before)
				nothingUnderWay(t)
			})
		}
	})
}
