package trial

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// A trial does not begin with sets that hold something else than the profile
// says, whether they are as many entries or fewer.
func TestTrialReadsSetsBack(t *testing.T) {
	trials.OnTrial(t, func(t *testing.T, s *trials.Site) {
		before := stage.TakePicture(t)
		for _, c := range []struct{ name, meddle, says string }{
			{"another entry", "ipset del hardenctl_office-v4 198.51.100.64/28; ipset add hardenctl_office-v4 203.0.113.0/28",
				"set hardenctl-office-v4: its entries are not those that hardenctl added"},
			{"one too few", "ipset del hardenctl_office-v6 2001:db8:11::/48", "set hardenctl-office-v6: it holds 0 entries, expected 1"},
		} {
			t.Run(c.name, func(t *testing.T) {
				inject.BreakTool(c.meddle)(t)
				require.Contains(t, run.ExpectAs(t, run.Applying, 3, "apply", s.After, "--auto-approve", "--no-guard", "--confirm-within", "10m"), c.says, "the change was undone")
				stage.TakePicture(t).Is(t, before)
				trials.NothingUnderWay(t)
			})
		}
	})
}
