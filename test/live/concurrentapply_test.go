package live

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// inTheBackground is a command that runs while the test does something else.
type inTheBackground struct {
	cmd *exec.Cmd
	syncBuffer
	in io.WriteCloser
}

// begin starts a command on a terminal and returns when it has said something.
func begin(t *testing.T, line, until string) *inTheBackground {
	t.Helper()
	b := &inTheBackground{cmd: exec.Command("script", "-qec", "exec "+binary(t)+" "+line, "/dev/null")}
	b.cmd.Stdout, b.cmd.Stderr = &b.syncBuffer, &b.syncBuffer
	var err error
	b.in, err = b.cmd.StdinPipe()
	must(t, err)
	must(t, b.cmd.Start())
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
	contains(t, b.String(), says...)
}

// A scheduled apply waits for the end of a trial as it waits for the lock, and
// goes on then, however the trial has ended.
func TestApplyWaitsForATrial(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	for profile, end := range map[string]string{"builtin:web": "confirm", "builtin:server": "revert"} {
		tryOut(t, variant(t), "5m")
		b := begin(t, "apply "+profile+" --auto-approve --no-guard --confirm-within 0 --lock-timeout 2m", "waiting for the trial to end: an apply of variant.toml by root from 192.0.2.7 is on trial until")
		expectAs(t, confirming, 0, end)
		b.ends(t, 0, "Applied. The host is as the profile says.")
		expect(t, 0, "plan", profile, "--detailed-exitcode")
	}
}

// While a user is asked, others revert, apply and try. The answer is refused
// then, and so it is if the profile was edited, and while a trial is pending.
func TestQuestionHoldsNoLock(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	profile := variant(t)
	expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
	expect(t, 0, "apply", "builtin:server", "--auto-approve", "--no-guard", "--confirm-within", "0")
	for _, c := range []struct {
		name, line string
		meanwhile  func()
		code       int
		says       string
	}{
		{"nothing happens", "apply " + profile, func() { expect(t, 0, "revert", "--lock-timeout", "0") }, 0, "Applied."},
		{"another apply", "apply builtin:server", func() {
			expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0", "--lock-timeout", "0")
		}, 1, "the host has changed while you read the plan. Nothing was changed; run the command again"},
		{"the profile is edited", "apply " + profile, func() {
			text, err := os.ReadFile(profile)
			must(t, err)
			must(t, os.WriteFile(profile, []byte(strings.Replace(string(text), `"tcp/80"`, `"tcp/8080"`, 1)), 0o644))
		}, 1, "the profile has changed while you read the plan. Nothing was changed; run the command again"},
		{"a trial begins", "rollback --lock-timeout 0", func() { tryOut(t, "builtin:mail", "5m") }, 6, "an apply of builtin:mail by root from 192.0.2.7 is on trial until"},
		{"a trial begins and ends", "rollback", func() {
			tryOut(t, "builtin:mail", "5m")
			expect(t, 0, "revert")
		}, 0, "Applied."},
	} {
		b := begin(t, c.line+" --no-guard --confirm-within 0", `Type "yes" to apply`)
		c.meanwhile()
		_, err := io.WriteString(b.in, "yes\n")
		must(t, err)
		b.ends(t, c.code, c.says)
		if t.Failed() {
			t.Fatalf("%s:\n%s", c.name, b.String())
		}
		if c.code == 6 {
			expect(t, 0, "revert")
		}
	}
}

// A person who reads the plan of an apply page by page holds no lock.
func TestPagerHoldsNoLock(t *testing.T) {
	bare(t, "nft")
	read, write, err := os.Pipe()
	must(t, err)
	defer read.Close()
	_, err = unix.FcntlInt(write.Fd(), unix.F_SETPIPE_SZ, 4096)
	must(t, err)
	cmd := exec.Command(binary(t), "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
	cmd.Stdout = write
	must(t, cmd.Start())
	must(t, write.Close())
	t.Cleanup(func() { cmd.Process.Kill() })
	lab.Await(t, "the rules of hardenctl", func() bool { return strings.Contains(tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT") })
	expect(t, 0, "revert", "--lock-timeout", "1m")
	text, err := io.ReadAll(read)
	must(t, err)
	must(t, cmd.Wait())
	contains(t, string(text), "Plan: ", "Applied. The host is as the profile says.")
}
