package lockout

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// sshdProgram is Debian's openssh-server, unpacked: one that is installed would
// start with the machine. A tree, which nothing starts in, has its own.
func sshdProgram() string {
	if os.Getenv(suite.TreeVariable) != "" {
		return "/usr/sbin/sshd"
	}
	return "../../../bin/sshd/usr/sbin/sshd"
}

// sshd is a real sshd on the server, with keys of its own, that lets root in.
type sshd struct{ folder string }

// newSSHD starts an sshd on port 22, which ends with the test.
func newSSHD(t *testing.T) *sshd {
	t.Helper()
	d := configureSSHD(t)
	daemon := d.server(t, "-D")
	var log run.SyncBuffer
	daemon.Stdout, daemon.Stderr = &log, &log
	daemon.WaitDelay = time.Second // sessions hold the log for longer
	require.NoError(t, lab.StartDaemon(daemon))
	t.Cleanup(func() {
		endSessions(daemon.Process.Pid)
		daemon.Process.Kill()
		if daemon.Wait(); t.Failed() {
			t.Logf("sshd said\n%s", &log)
		}
	})
	lab.Await(t, "an sshd that listens", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:22")
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return d
}

// server is the program of an sshd, in one of its modes.
func (d *sshd) server(t *testing.T, mode string) *exec.Cmd {
	t.Helper()
	program, err := filepath.Abs(sshdProgram())
	require.NoError(t, err)
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("no sshd to test with: %v\nrun make bin/sshd, which unpacks Debian's", err)
	}
	return exec.Command(program, mode, "-e", "-f", filepath.Join(d.folder, "config"))
}

// configureSSHD makes the keys and the configuration of an sshd, in a folder that
// goes with the test.
func configureSSHD(t *testing.T) *sshd {
	t.Helper()
	folder, err := os.MkdirTemp("/run", "sshd-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	d := &sshd{folder}
	prepareRoot(t)
	for _, key := range []string{"host", "user"} {
		run.WithInput(t, "", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(folder, key))
	}
	config := strings.NewReplacer("FOLDER", folder).Replace(`Port 22
HostKey FOLDER/host
AuthorizedKeysFile FOLDER/user.pub
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
`)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "config"), []byte(config), 0o600))
	return d
}

// endSessions ends the processes that an sshd has started, one for each session,
// and waits until it has noticed. Those whose client has gone without a word
// would stay.
func endSessions(daemon int) {
	for began := time.Now(); time.Since(began) < lab.Patience; time.Sleep(50 * time.Millisecond) {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", daemon))
		if len(children) == 0 {
			return
		}
		for _, child := range strings.Fields(string(children)) {
			if pid, err := strconv.Atoi(child); err == nil {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}

// prepareRoot gives the lab's root a plain shell and a password that nothing
// matches (an account that is locked may not log in at all), and sshd the user
// and the folder that its package would have made.
func prepareRoot(t *testing.T) {
	t.Helper()
	require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
	for path, root := range map[string]string{
		"/etc/passwd": "root:x:0:0:root:/root:/bin/sh",
		"/etc/shadow": "root:*:19000:0:99999:7:::",
	} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		lines := []string{root}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "root:") {
				lines = append(lines, strings.TrimSuffix(line, "\n"))
			}
		}
		if path == "/etc/passwd" && !strings.Contains(string(text), "\nsshd:") {
			lines = append(lines, "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin")
		}
		require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
		require.NoError(t, os.Chmod(path, 0o644))
	}
}

// command logs in from a host and runs a command there.
func (d *sshd) command(from *lab.Host, server string, words ...string) *exec.Cmd {
	args := []string{"-F", "none", "-i", filepath.Join(d.folder, "user"),
		"-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=60",
		"root@" + server}
	return from.Command(context.Background(), "ssh", append(args, words...)...)
}

// apply applies a profile over SSH, as its user would, and returns what that
// printed and its exit code.
func (d *sshd) apply(t *testing.T, from *lab.Host, server, profile string, more ...string) (string, int) {
	t.Helper()
	words := append([]string{run.Binary(t), "apply", profile, "--auto-approve", "--confirm-within", "0"}, more...)
	return run.Outcome(t, d.command(from, server, words...))
}

// logsIn fails the test unless a new login works.
func (d *sshd) logsIn(t *testing.T, from *lab.Host, server string) {
	t.Helper()
	out, code := run.Outcome(t, d.command(from, server, "echo", "welcome"))
	if code != 0 || out != "welcome\n" {
		t.Errorf("a new login at %s: exit %d: %s", server, code, out)
	}
}

// openShell is a shell of a session that stays.
type openShell struct {
	server string
	in     io.WriteCloser
	out    *bufio.Reader
}

// stays logs in until the end of the test.
func (d *sshd) stays(t *testing.T, from *lab.Host, server string) *openShell {
	t.Helper()
	cmd := d.command(from, server, "sh")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		timer := time.AfterFunc(traffic.Stall, func() { cmd.Process.Kill() })
		defer timer.Stop()
		cmd.Wait()
	})
	l := &openShell{server, in, bufio.NewReader(out)}
	l.answers(t)
	return l
}

// answers fails the test unless the shell does what is typed.
func (l *openShell) answers(t *testing.T) {
	t.Helper()
	if out, code := l.types(t, "echo", "hello"); out != "hello\n" || code != 0 {
		t.Errorf("%s: the session says %q, exit %d", l.server, out, code)
	}
}

// typedEnd ends what a command has printed, before its exit code.
const typedEnd = "that was it, exit "

// types has the shell run a command, and returns what that printed and its exit
// code; -1 if the session ends. It has Patience to answer.
func (l *openShell) types(t *testing.T, words ...string) (out string, code int) {
	t.Helper()
	heard := make(chan bool, 1)
	code = -1
	go func() {
		fmt.Fprintf(l.in, "%s </dev/null 2>&1; echo \"%s$?\"\n", strings.Join(words, " "), typedEnd)
		for {
			line, err := l.out.ReadString('\n')
			if exit, last := strings.CutPrefix(line, typedEnd); last || err != nil {
				fmt.Sscan(exit, &code)
				heard <- true
				return
			}
			out += line
		}
	}()
	select {
	case <-heard:
	case <-time.After(lab.Patience):
		t.Fatalf("%s: the session hangs", l.server)
	}
	return out, code
}
