package trial

import (
	"os"
	"os/exec"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// An apply that counts down says how its trial has ended, and not what others
// have made of the host since; where it cannot tell it says that, too.
func TestCountdownEnds(t *testing.T) {
	stage.Bare(t, "nft")
	one := webserver.Variant(t, `[policy]`, "[kernel]\ndefault_ttl = 111\n[policy]")
	other := webserver.Variant(t, `"tcp/80"`, `"tcp/8443"`)
	t.Run("confirmed, and changed at once", func(t *testing.T) {
		a := typeApply(t, one+" --confirm-within 10m")
		cmd := exec.Command("sh", "-c", run.Binary(t)+" confirm && sysctl -qw net.ipv4.ip_default_ttl=77")
		cmd.Env = append(os.Environ(), run.Confirming)
		if out, code := run.Outcome(t, cmd); code != 0 {
			t.Fatal(out)
		}
		a.ends(t, 0, "Applied. The host is as the profile says.")
	})
	t.Run("going back fails", func(t *testing.T) {
		a := typeApply(t, other+" --confirm-within 10m")
		inject.ReplaceTool(t, "ip6tables-restore", "ip6tables-restore", "echo broken >&2; exit 1")
		trials.MoveDeadline(t, 0)
		a.ends(t, 4, "broken", "the host may be between the old and the new state", "hardenctl revert")
	})
	run.Expect(t, 0, "revert")
	trials.NothingUnderWay(t)
	trials.NoTrialLeft(t)
}

// A command that cannot print its trial says at least in the error that it is one.
func TestUnwrittenTrial(t *testing.T) {
	stage.Bare(t, "nft")
	cmd := exec.Command("sh", "-c", run.Binary(t)+` apply builtin:web --auto-approve --no-guard --json --confirm-within 10m >/dev/full`)
	out, code := run.Outcome(t, cmd)
	if code != 5 {
		t.Errorf("exit %d, want 5", code)
	}
	require.Contains(t, out, "on trial until", "no space left on device")
	run.Expect(t, 0, "revert")
}
