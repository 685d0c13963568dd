package faults

import (
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A reboot in a trial boots the old state, and the next command has nothing to
// do but clear up; a reboot in the middle of a confirm ends in the new one.
func TestFault19_RebootInATrial(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		before := webserver.Variant(t, `[policy]`, "[kernel]\ndefault_ttl = 99\n[policy]")
		after := webserver.Variant(t, `[policy]`, "[kernel]\ndefault_ttl = 111\n[policy]", `"tcp/80"`, `"tcp/8443"`, `ban = "1h"`, `ban = "30m"`)
		run.Expect(t, 0, "apply", before, "--auto-approve", "--no-guard", "--confirm-within", "0")
		bootsim.Reboot(t)
		old := stage.TakePicture(t)
		trials.TryOut(t, after, "2m")
		bootsim.Reboot(t)
		run.Tool(t, "sysctl -qw net.ipv4.ip_default_ttl=77") // as some other file of the host may say
		run.Expect(t, 0, "revert")
		trials.HasTTL(t, "77")
		run.Tool(t, "sysctl -qw net.ipv4.ip_default_ttl=99")
		stage.TakePicture(t).Is(t, old)
		trials.NothingUnderWay(t)

		folder := t.TempDir()
		run.Hardenctl(t, "compile", after, "-o", folder)
		begun, _ := kill(t, "apply "+folder, 1000)
		run.Expect(t, 0, "apply", before, "--auto-approve", "--no-guard", "--confirm-within", "0")
		for _, step := range []int{len(begun) - 6, len(begun) - 1} { // sets, and files
			kill(t, "apply "+folder, step)
			bootsim.Reboot(t)
			require.Contains(t, run.Expect(t, 0, "revert"), "No trial is pending")
			run.Expect(t, 0, "plan", after, "--detailed-exitcode")
			trials.NothingUnderWay(t)
			trials.NoTrialLeft(t)
			run.Expect(t, 0, "apply", before, "--auto-approve", "--no-guard", "--confirm-within", "0")
		}
	})
}
