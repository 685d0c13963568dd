// Package change is the way of the commands that change the host: plan, show, ask, apply,
// count down, and report the outcome with its exit code.
package change

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/environ"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// Flags are the flags of the commands that change the host.
type Flags struct {
	approved    *bool
	AsJSON      *bool
	noGuard     *bool
	full        *bool
	notAdmins   *option.Addresses
	within      *time.Duration
	lockTimeout *time.Duration
	// AfterRollback is the number of a rollback after which a person wants to
	// apply; nil for rollback itself.
	AfterRollback *int
	// Early returns what is wrong with the arguments, and warns, before anybody waits
	// for the lock.
	Early func(cmd *cobra.Command, args []string) error
	// Load returns what the host is moved to, read while the lock is held: it may
	// have changed since Early. It warns of nothing again.
	Load func(cmd *cobra.Command, args []string) (host.Target, error)
}

// NewFlags adds the flags that apply and rollback have in common.
func NewFlags(cmd *cobra.Command) Flags {
	return Flags{
		approved:    cmd.Flags().Bool("auto-approve", false, "do not ask for a yes (required without a terminal)"),
		AsJSON:      cmd.Flags().Bool("json", false, "print the plan and the outcome as JSON"),
		noGuard:     cmd.Flags().Bool("no-guard", false, "skip the lockout check: do not test whether you can still log in"),
		full:        option.Full(cmd),
		notAdmins:   option.NotAdmin(cmd),
		within:      withinFlag(cmd),
		lockTimeout: option.TurnTimeout(cmd, 10*time.Second),
	}
}

// Run plans, shows the plan, asks, and applies.
func (f Flags) Run(cmd *cobra.Command, args []string) error {
	environ.Steady()
	if os.Geteuid() != 0 {
		return f.report(cmd, unapplied(nil, host.ErrNotRoot))
	}
	a := f.readAndApply(cmd, args)
	var reported exitcode.ExitError
	if errors.As(a.Err, &reported) && reported.Err == nil {
		return a.Err // the diagnostics have said all
	}
	if err := f.report(cmd, a); err != nil || a.trial() == nil || *f.AsJSON || !terminal.Is(cmd.OutOrStdout()) {
		return err
	}
	return f.countDown(cmd, a.Trial)
}

// guard returns why a reading must not be applied: somebody would be locked out.
func (f Flags) guard(cmd *cobra.Command, r *host.Reading) error {
	if *f.noGuard {
		return nil
	}
	if err := r.Guard(cmd.Context(), f.notAdmins.All); err != nil {
		return fmt.Errorf("%w. Nothing was changed. %s", err, f.unguarded(err))
	}
	return nil
}

// unguarded says what to do where an apply might lock somebody out. A rollback
// reads no profile, so that to mend one would not help.
func (f Flags) unguarded(err error) string {
	noAdmin := errors.Is(err, plan.ErrNobody)
	switch {
	case f.AfterRollback == nil && noAdmin:
		return "Log in over SSH and run it there, or add --no-guard to roll back without this check, as at a console"
	case f.AfterRollback == nil:
		return "A rollback does not read the profile on disk. Choose another generation, or add --no-guard to roll back without this check, as at a console"
	case noAdmin:
		return plan.StateAdmins + ". --no-guard applies it without this check"
	}
	return "Fix the profile before the next apply, also before one from cron. --no-guard applies it without this check"
}
