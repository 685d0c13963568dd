package trial

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
	"golang.org/x/sys/unix"
)

// inTheBackground is a command that runs while the test does something else.
type inTheBackground struct {
	cmd *exec.Cmd
	run.SyncBuffer
	in io.WriteCloser
}

// begin starts a command on a terminal and returns when it has said something.
func begin(t *testing.T, line, until string) *inTheBackground {
	t.Helper()
	b := &inTheBackground{cmd: exec.Command("script", "-qec", "exec "+run.Binary(t)+" "+line, "/dev/null")}
	b.cmd.Stdout, b.cmd.Stderr = &b.SyncBuffer, &b.SyncBuffer
	var err error
	b.in, err = b.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, b.cmd.Start())
	t.Cleanup(func() { b.in.Close(); b.cmd.Process.Kill() })
	b.says(t, until)
	return b
}

// says waits until the command has said something.
func (b *inTheBackground) says(t *testing.T, text string) {
	t.Helper()
	lab.Await(t, "the word "+text, func() bool { return strings.Contains(b.String(), text) })
}

// ends waits for the end of the command, and checks its exit code and what it has
// said.
func (b *inTheBackground) ends(t *testing.T, code int, says ...string) {
	t.Helper()
	b.cmd.Wait()
	if got := b.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit %d, want %d", got, code)
	}
	require.Contains(t, b.String(), says...)
}

// A scheduled apply waits for the end of a trial as it waits for the lock, and
// goes on then, however the trial has ended.
func TestApplyWaitsForATrial(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	for profile, end := range map[string]string{"builtin:web": "confirm", "builtin:server": "revert"} {
		trials.TryOut(t, webserver.Variant(t), "5m")
		b := begin(t, "apply "+profile+" --auto-approve --no-guard --confirm-within 0 --lock-timeout 2m", "waiting for the trial to end: an apply of variant.toml by root from 192.0.2.7 is on trial until")
		run.ExpectAs(t, run.Confirming, 0, end)
		b.ends(t, 0, "Applied. The host is as the profile says.")
		run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
	}
}

// While a user is asked, others revert, apply and try. The answer is refused
// then, and so it is if the profile was edited, and while a trial is pending.
func TestQuestionHoldsNoLock(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	profile := webserver.Variant(t)
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
	run.Expect(t, 0, "apply", "builtin:server", "--auto-approve", "--no-guard", "--confirm-within", "0")
	for _, c := range []struct {
		name, line string
		meanwhile  func()
		code       int
		says       string
	}{
		{"nothing happens", "apply " + profile, func() { run.Expect(t, 0, "revert", "--lock-timeout", "0") }, 0, "Applied."},
		{"another apply", "apply builtin:server", func() {
			run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0", "--lock-timeout", "0")
		}, 1, "the host has changed while you read the plan. Nothing was changed; run the command again"},
		{"the profile is edited", "apply " + profile, func() {
			text, err := os.ReadFile(profile)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(profile, []byte(strings.Replace(string(text), `"tcp/80"`, `"tcp/8080"`, 1)), 0o644))
		}, 1, "the profile has changed while you read the plan. Nothing was changed; run the command again"},
		{"a trial begins", "rollback --lock-timeout 0", func() { trials.TryOut(t, "builtin:mail", "5m") }, 6, "an apply of builtin:mail by root from 192.0.2.7 is on trial until"},
		{"a trial begins and ends", "rollback", func() {
			trials.TryOut(t, "builtin:mail", "5m")
			run.Expect(t, 0, "revert")
		}, 0, "Applied."},
	} {
		b := begin(t, c.line+" --no-guard --confirm-within 0", `Type "yes" to apply`)
		c.meanwhile()
		_, err := io.WriteString(b.in, "yes\n")
		require.NoError(t, err)
		b.ends(t, c.code, c.says)
		if t.Failed() {
			t.Fatalf("%s:\n%s", c.name, b.String())
		}
		if c.code == 6 {
			run.Expect(t, 0, "revert")
		}
	}
}

// A person who reads the plan of an apply page by page holds no lock.
func TestPagerHoldsNoLock(t *testing.T) {
	stage.Bare(t, "nft")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	_, err = unix.FcntlInt(write.Fd(), unix.F_SETPIPE_SZ, 4096)
	require.NoError(t, err)
	cmd := exec.Command(run.Binary(t), "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
	cmd.Stdout = write
	require.NoError(t, cmd.Start())
	require.NoError(t, write.Close())
	t.Cleanup(func() { cmd.Process.Kill() })
	lab.Await(t, "the rules of hardenctl", func() bool { return strings.Contains(run.Tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT") })
	run.Expect(t, 0, "revert", "--lock-timeout", "1m")
	text, err := io.ReadAll(read)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	require.Contains(t, string(text), "Plan: ", "Applied. The host is as the profile says.")
}
