package change

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/login"
)

// defaultTrial is how long a trial lasts without --confirm-within.
const defaultTrial = time.Minute

// trialView is a trial that has begun.
type trialView struct {
	// Token is the word that confirms.
	Token string `json:"token"`
	// Deadline is when the old state is restored without a confirm.
	Deadline time.Time `json:"deadline"`
	// Seconds is how long that was from the beginning.
	Seconds int `json:"seconds"`
}

func withinFlag(cmd *cobra.Command) *time.Duration {
	within := option.Duration(cmd, "confirm-within", defaultTrial, "time to confirm the change; without confirm it is undone; 0 confirms at once", canBeTrial)
	cmd.Flags().Lookup("confirm-within").DefValue = "60s, or 0 on a console"
	return within
}

// canBeTrial returns why a trial cannot last so long.
func canBeTrial(within time.Duration) error {
	if within != 0 && (within < host.MinTrial || within > host.MaxTrial) {
		return fmt.Errorf("must be from %v to %v, or 0 for no trial", host.MinTrial, host.MaxTrial)
	}
	return nil
}

// trialTime is how long the trial lasts, 0 for none. Where it is not said,
// only a login that can be nowhere but at the machine is trusted not to lock
// itself out: sudo in tmux over SSH looks like any terminal.
func (f Flags) trialTime(cmd *cobra.Command) time.Duration {
	if !cmd.Flags().Changed("confirm-within") {
		if in, ok := cmd.InOrStdin().(*os.File); ok && login.Console(in) && !login.Current().Remote() {
			return 0
		}
	}
	return *f.within
}

// print says what to type, and by when.
func (t *trialView) print(w io.Writer, goal string) error {
	_, err := fmt.Fprintf(w, `The host is %s, on trial for %d s. Open a new SSH session and run
there before %s:

  hardenctl confirm %s

If you do not confirm, the change is undone automatically.
`, goal, t.Seconds, t.Deadline.Format("15:04:05"), t.Token)
	return err
}

// until says how long the host stays as it is, where that is on trial.
func (t *trialView) until() string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf(", on trial until %s (run `hardenctl confirm` in a new SSH session)", t.Deadline.Format("15:04:05"))
}

// countDown waits for the end of the trial, counts down where that can be seen,
// and reports what came of it. A signal ends the waiting, not the trial.
func (f Flags) countDown(cmd *cobra.Command, t *host.Trial) error {
	line := terminal.NewCountdown(cmd.ErrOrStderr())
	for {
		p, pending, err := local.Host.Pending()
		if err != nil {
			return Failure(host.UnknownEnd(err))
		}
		if !pending {
			line.End()
			ended := applied{Outcome: t.Ended(context.Background())}
			failed := f.report(cmd, ended)
			if !ended.Done() {
				fmt.Fprintln(cmd.ErrOrStderr(), Unmended)
			}
			return failed
		}
		line.Show(p.Left)
		select {
		case <-cmd.Context().Done():
			line.End()
			fmt.Fprintln(cmd.ErrOrStderr(), "hardenctl: stopped waiting; the trial continues until its deadline")
			return nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Unmended is what a person should know of a trial that is undone.
const Unmended = "The profile on disk did not change. Fix it before the next apply, also before one from cron."
