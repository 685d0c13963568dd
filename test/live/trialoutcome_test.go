package live

import (
	"os"
	"os/exec"
	"testing"
)

// An apply that counts down says how its trial has ended, and not what others
// have made of the host since; where it cannot tell it says that, too.
func TestCountdownEnds(t *testing.T) {
	bare(t, "nft")
	one := variant(t, `[policy]`, "[kernel]\ndefault_ttl = 111\n[policy]")
	other := variant(t, `"tcp/80"`, `"tcp/8443"`)
	t.Run("confirmed, and changed at once", func(t *testing.T) {
		a := typeApply(t, one+" --confirm-within 10m")
		cmd := exec.Command("sh", "-c", binary(t)+" confirm && sysctl -qw net.ipv4.ip_default_ttl=77")
		cmd.Env = append(os.Environ(), confirming)
		if out, code := outcome(t, cmd); code != 0 {
			t.Fatal(out)
		}
		a.ends(t, 0, "Applied. The host is as the profile says.")
	})
	t.Run("going back fails", func(t *testing.T) {
		a := typeApply(t, other+" --confirm-within 10m")
		replaceTool(t, "ip6tables-restore", "ip6tables-restore", "echo broken >&2; exit 1")
		moveDeadline(t, 0)
		a.ends(t, 4, "broken", "the host may be between the old and the new state", "hardenctl revert")
	})
	expect(t, 0, "revert")
	nothingUnderWay(t)
	noTrialLeft(t)
}

// A command that cannot print its trial says at least in the error that it is one.
func TestUnwrittenTrial(t *testing.T) {
	bare(t, "nft")
	cmd := exec.Command("sh", "-c", binary(t)+` apply builtin:web --auto-approve --no-guard --json --confirm-within 10m >/dev/full`)
	out, code := outcome(t, cmd)
	if code != 5 {
		t.Errorf("exit %d, want 5", code)
	}
	contains(t, out, "on trial until", "no space left on device")
	expect(t, 0, "revert")
}
