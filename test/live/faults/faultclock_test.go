package faults

import (
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// A clock that counts from the boot, and shows less than when the trial began
// although the boot has the same name, as in a container that was moved: the
// kernel's guard says that the trial is over, and the next command ends it,
// rather than to wait until that clock shows the deadline.
func TestFault20_BootTimeWentBack(t *testing.T) {
	stage.Bare(t, "nft")
	before := stage.TakePicture(t)
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	ahead := exec.Command("unshare", "--fork", "--time", "--boottime", "360000", run.Binary(t), "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "10m")
	if out, code := run.Outcome(t, ahead); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	run.KillAll(t)
	e, err := stage.Journal.Read()
	require.NoError(t, err)
	if e.Left() < 99*time.Hour {
		t.Fatalf("the clock is not ahead: %v left", e.Left())
	}
	trials.ShortenGuard(t)
	lab.Await(t, "the end of the guard", func() bool {
		text := run.Tool(t, "ipset save hardenctl_trial_v4") + run.Tool(t, "ipset save hardenctl_trial_v6")
		return !regexp.MustCompile(`(?m)^add`).MatchString(text)
	})
	require.Contains(t, run.Expect(t, 0, "restore"), "nothing")
	stage.TakePicture(t).Is(t, before)
	trials.NothingUnderWay(t)
}
