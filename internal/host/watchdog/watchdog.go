// Package watchdog sees to it that a trial ends when its time is over, even if
// its process, the login and the connection are gone by then. The kernel restores
// the rules by itself; kernel settings and what lies about do not.
//
// Where systemd runs, a transient timer starts `hardenctl revert --at-deadline`:
// systemd ends whatever belongs to a login when it ends, where it is told to
// (KillUserProcesses in logind.conf). Elsewhere that command is started at once,
// in a session of its own, and waits.
package watchdog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// Args are the arguments of the command that waits for the deadline of the
// trial that is pending, and ends it then.
var Args = []string{"revert", "--at-deadline"}

// systemd is there where it runs (sd_booted(3)).
const systemd = "/run/systemd/system"

// Start starts the watchdog of a trial whose entry is in the journal.
func Start(e journal.Entry) error {
	if bySystemd() && timer(e) == nil {
		return nil
	}
	return detached()
}

// timer asks systemd for a timer on the monotonic clock (OnActiveSec in
// systemd.timer(5)): no clock that jumps moves it. While the machine sleeps it
// stops, and so does the time of the trial set in the kernel. The name of the
// unit is the trial's own, so that the timer of one that was confirmed does not block
// the next; it finds nothing to do.
func timer(e journal.Entry) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"--quiet", "--collect", "--unit=hardenctl-trial-" + e.Token[:16],
		"--description=end of an unconfirmed hardenctl trial", "--timer-property=AccuracySec=100ms",
		fmt.Sprintf("--on-active=%d", e.Left()/time.Second), self}
	_, err = tool.Run(context.Background(), tool.Command{Name: "systemd-run", Args: append(args, Args...), Timeout: 5 * time.Second})
	return err
}

// detached starts the program that runs now, whatever has become of its file,
// with nothing of the caller's: no terminal, no session, no open file, no
// environment.
func detached() error {
	cmd := exec.Command("/proc/self/exe", Args...)
	cmd.Dir, cmd.Env = "/", []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the watchdog: %w", err)
	}
	return cmd.Process.Release()
}

// poll is how often Wait looks: a trial can end before its time, and time that a
// machine sleeps through counts.
const poll = 500 * time.Millisecond

// Wait returns when the trial that is pending in a journal is over, confirmed or not, or when
// ctx ends. A journal that cannot be read says nothing about that, and is read
// again, for an hour at most.
func Wait(ctx context.Context, j journal.Journal) error {
	for readable := time.Now(); ; {
		e, err := j.Read()
		pause := poll
		switch {
		case errors.Is(err, journal.ErrNone), err == nil && !e.Pending():
			return ctx.Err()
		case err == nil:
			readable, pause = time.Now(), min(e.Left(), poll)
		case time.Since(readable) > patience:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
