// Package run runs hardenctl and the tools of the host, and ends the test unless they
// exit as they should.
package run

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// CommandVariable tells the processes of all labs where the command is.
const CommandVariable = "HARDENCTL_LIVE_COMMAND"

// Impatient ends the name of a command that is beside the other one and waits
// but seconds for tools and answers that do not come.
const Impatient = "-impatient"

// Binary returns the path of the command.
func Binary(t *testing.T) string {
	t.Helper()
	lab.Require(t)
	return os.Getenv(CommandVariable)
}

// Hardenctl runs the command and ends the test unless it exits 0.
func Hardenctl(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command(Binary(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("hardenctl %q: %v\n%s", args, err, out)
	}
}

// Expect runs the command, ends the test unless it exits with the code, and
// returns all that it printed.
func Expect(t *testing.T, code int, args ...string) string {
	t.Helper()
	out, got := Outcome(t, exec.Command(Binary(t), args...))
	if got != code {
		t.Fatalf("hardenctl %q exits %d, want %d:\n…%s", args, got, code, out[max(0, len(out)-1500):])
	}
	return out
}

// Outcome runs a command and returns what it printed and its exit code.
func Outcome(t *testing.T, cmd *exec.Cmd) (string, int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// Two logins over SSH.
const (
	Applying   = "SSH_CONNECTION=192.0.2.7 50000 203.0.113.80 22"
	Confirming = "SSH_CONNECTION=192.0.2.7 50001 203.0.113.80 22"
)

// As runs the command in a login: with SSH_CONNECTION set to the one that is given.
func As(t *testing.T, login string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(Binary(t), args...)
	cmd.Env = append(os.Environ(), login)
	return Outcome(t, cmd)
}

// ExpectAs is Expect in a login.
func ExpectAs(t *testing.T, login string, code int, args ...string) string {
	t.Helper()
	out, got := As(t, login, args...)
	if got != code {
		t.Fatalf("hardenctl %q exits %d, want %d:\n…%s", args, got, code, out[max(0, len(out)-1500):])
	}
	return out
}

// AsNobody runs the command as a user without any rights, who must get the exit
// code, and returns what it printed.
func AsNobody(t *testing.T, code int, args ...string) string {
	t.Helper()
	folder, err := os.MkdirTemp("/run", "public-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(folder, 0o755))
	program := filepath.Join(folder, "hardenctl")
	Tool(t, "cp "+Binary(t)+" "+program)
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, got := Outcome(t, cmd)
	if got != code {
		t.Errorf("%q exits %d, want %d", args, got, code)
	}
	return out
}

// Unattended are the arguments of an apply without a question, without the lockout check,
// and without a trial.
var Unattended = []string{"--auto-approve", "--no-guard", "--confirm-within", "0"}
