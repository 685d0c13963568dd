package failpoints

import (
	"fmt"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// An apply that succeeds, and cannot clear up, says so; the next command does it,
// and keeps the generation.
func TestFailedCleanupIsFinishedLater(t *testing.T) {
	stage.Bare(t, "nft")
	stage.AddForeign(t)
	for i, c := range []struct{ call, about, says string }{
		{"unlinkat", "/etc/iptables/.rules.v4.hardenctl-old", "/etc/iptables/.rules.v4.hardenctl-old"},
		{netlinkCall, "ipset destroy hardenctl_trial_v6", "hardenctl_trial_v6"},
		{"renameat", "/var/lib/hardenctl/generations/3", "keeping generation 3"},
		{"unlinkat", "/var/lib/hardenctl/trial/journal.json", "journal.json"},
	} {
		t.Run(c.call+" "+c.about, func(t *testing.T) {
			profile := webserver.Variant(t, `"tcp/80"`, fmt.Sprintf(`"tcp/%d"`, 8000+i))
			placed := false
			r := trace(t, run.Applying, []string{"apply", profile, "--auto-approve", "--no-guard", "--confirm-within", "0"}, func(p failpoint) damage {
				placed = placed || p.Call == "renameat" && p.About == "/etc/iptables/rules.v4"
				if (placed || i == 2) && p.Call == c.call && p.About == c.about {
					return fails
				}
				return none
			})
			r.wait(t)
			if r.Code() != 0 || !r.Struck {
				t.Fatalf("exit %d, struck %v: %s", r.Code(), r.Struck, r.Out)
			}
			require.Contains(t, r.Out, "could not be cleaned up completely", c.says)
			require.Contains(t, run.Expect(t, 0, "plan", profile), "the apply of variant.toml could not be cleaned up completely")
			require.Contains(t, run.Expect(t, 0, "revert"), "No trial is pending.")
			trials.NothingUnderWay(t)
			trials.NoTrialLeft(t)
			run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
			if n := len(run.History(t)); n != i+1 {
				t.Errorf("%d generations, want %d", n, i+1)
			}
		})
	}
}
