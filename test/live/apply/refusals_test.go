package apply

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A profile with an error changes nothing.
func TestBadProfile(t *testing.T) {
	stage.Bare(t, "nft")
	before := stage.TakePicture(t)
	for _, c := range []struct{ name, path, says string }{
		{"a port that is none", webserver.Variant(t, "tcp/80", "tcp/70000"), "70000"},
		{"an unknown key", webserver.Variant(t, "retries", "x", "[scan]\n", "[scan]\nprobs = 3\n"), "probs"},
		{"no TOML", testfile.Write(t, "bad.toml", "version = \n"), "bad.toml:1"},
		{"no such file", "/nowhere.toml", "nowhere.toml"},
		{"no such built-in", "builtin:nothing", "nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, command := range []string{"plan", "apply"} {
				args := []string{command, c.path}
				if command == "apply" {
					args = append(args, "--auto-approve", "--confirm-within", "0", "--no-guard")
				}
				require.Contains(t, run.Expect(t, 1, args...), c.says)
			}
			stage.TakePicture(t).Is(t, before)
		})
	}
}

// Without root there is nothing to read or change, and the message says so.
func TestNotRoot(t *testing.T) {
	stage.Bare(t, "nft")
	for _, args := range [][]string{{"plan", "builtin:web"}, {"apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"}, {"rollback", "1"}} {
		require.Contains(t, run.AsNobody(t, 1, args...), "the firewall can only be read and changed as root")
	}
}

// On a terminal, apply asks, and only "yes" is an answer.
func TestApproval(t *testing.T) {
	stage.Bare(t, "nft")
	before := stage.TakePicture(t)
	require.Contains(t, run.Expect(t, 1, "apply", "builtin:web", "--no-guard"), "no terminal to ask on; add --auto-approve")
	for _, answer := range []string{"no", "yes please"} {
		out, code := onTerminal(t, answer)
		if code != 1 {
			t.Errorf("answer %q: exit %d", answer, code)
		}
		require.Contains(t, out, `Type "yes" to apply`, "nothing was changed")
	}
	stage.TakePicture(t).Is(t, before)
	out, code := onTerminal(t, "yes")
	if code != 0 {
		t.Errorf("answer yes: exit %d", code)
	}
	require.Contains(t, out, "Applied. The host is as the profile says.", "… IPv6 rules", "\x1b[32m+\x1b[0m")
	run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
}

// onTerminal applies builtin:web on a terminal where a user types an answer.
func onTerminal(t *testing.T, answer string) (string, int) {
	t.Helper()
	cmd := exec.Command("script", "-qec", "exec "+run.Binary(t)+" apply builtin:web --confirm-within 0 --no-guard", "/dev/null")
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=")
	cmd.Stdin = strings.NewReader(answer + "\n")
	return run.Outcome(t, cmd)
}
