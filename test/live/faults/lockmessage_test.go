package faults

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// On a terminal, a command that waits for another says so after a second, and for which. A
// boot has no terminal.
func TestLockWaitMessage(t *testing.T) {
	stage.Bare(t, "nft")
	release, err := stage.Lock.Take(context.Background(), func(string) {})
	require.NoError(t, err)
	defer release()
	for _, command := range []string{"apply builtin:web", "confirm", "revert"} {
		out, code := run.Outcome(t, exec.Command("script", "-qec", "exec "+run.Binary(t)+" "+command+" --lock-timeout 3s", "/dev/null"))
		if code != 6 {
			t.Errorf("%s: exit %d", command, code)
		}
		require.Contains(t, out, "… waiting for another hardenctl: process "+pid())
	}
	require.Contains(t, run.Expect(t, 6, "restore", "--lock-timeout", "1s"), "another hardenctl is running (process "+pid()+": ", "): wait for its end, or give a longer --lock-timeout; if it hangs, end it with kill")
}

// What is wrong with a profile, a saved plan or the number of a generation is said
// before a command waits for another. A profile's warnings are said once.
func TestProfileIsReadBeforeTheLock(t *testing.T) {
	stage.Bare(t, "nft")
	warns := webserver.OverWeb(t, "[access]\nadmin = [\"203.0.113.7\"]\nblock = [\"203.0.113.0/24\"]\n")
	const warning = "warning: access.admin: access.block lists some of these addresses"
	if out := run.Expect(t, 0, append([]string{"apply", warns}, run.Unattended...)...); strings.Count(out, warning) != 1 {
		t.Errorf("the warning is said %d times:\n%s", strings.Count(out, warning), out)
	}
	bad := testfile.Write(t, "bad.toml", "version = 1\n[polcy]\n")
	release, err := stage.Lock.Take(context.Background(), func(string) {})
	require.NoError(t, err)
	defer release()
	for command, says := range map[string]string{
		"apply gone.toml":                       `there is no profile "gone.toml"`,
		"apply gone.toml --auto-approve":        `there is no profile "gone.toml"`,
		"apply gone.toml --auto-approve --json": `there is no profile \"gone.toml\"`,
		"apply " + bad + " --auto-approve":      "polcy: unknown table",
		"apply --plan gone.plan":                "gone.plan: no such file",
		"plan " + bad:                           "polcy: unknown table",
		"rollback 7 --auto-approve":             "no generation 7",
	} {
		args := strings.Fields(command)
		if args[0] != "plan" {
			args = append(args, "--lock-timeout", "2s")
		}
		require.Contains(t, run.Expect(t, 1, args...), says)
	}
	run.Expect(t, 6, "apply", warns, "--auto-approve", "--lock-timeout", "10ms")
}
