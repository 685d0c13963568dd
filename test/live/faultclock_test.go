package live

import (
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// A clock that counts from the boot, and shows less than when the trial began
// although the boot has the same name, as in a container that was moved: the
// kernel's guard says that the trial is over, and the next command ends it,
// rather than to wait until that clock shows the deadline.
func TestFault20_BootTimeWentBack(t *testing.T) {
	bare(t, "nft")
	before := look(t)
	t.Cleanup(func() { as(t, applying, "revert") })
	ahead := exec.Command("unshare", "--fork", "--time", "--boottime", "360000", binary(t), "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "10m")
	if out, code := outcome(t, ahead); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	killAll(t)
	e, err := ourJournal.Read()
	must(t, err)
	if e.Left() < 99*time.Hour {
		t.Fatalf("the clock is not ahead: %v left", e.Left())
	}
	shortenGuard(t)
	lab.Await(t, "the end of the guard", func() bool {
		text := tool(t, "ipset save hardenctl_trial_v4") + tool(t, "ipset save hardenctl_trial_v6")
		return !regexp.MustCompile(`(?m)^add`).MatchString(text)
	})
	contains(t, expect(t, 0, "restore"), "nothing")
	look(t).is(t, before)
	nothingUnderWay(t)
}
