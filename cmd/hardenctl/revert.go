package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/change"
	"github.com/hardenctl/hardenctl/internal/cli/environ"
	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host"
)

// revertFlags are the flags of revert.
type revertFlags struct {
	atDeadline  *bool
	asJSON      *bool
	lockTimeout *time.Duration
}

func newRevert() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revert",
		Short: "End the pending trial now and undo its change",
		Long: `End the pending trial and restore the rules, sets and kernel settings from before
it. Changes that others have made since then stay. If someone has saved the
firewall during the trial, revert removes the trial's rules and sets from the files
that the host boots from. Without a trial, revert changes nothing and says so.

If an apply was confirmed and then died, revert completes it. If that fails, revert
abandons it: it undoes what is still on trial, but rules, sets and files that were
already replaced stay new. If the journal of a trial cannot be read, revert
restores rules and sets, but not kernel settings.`,
		Example: `  hardenctl revert`,
		Args:    cobra.NoArgs,
	}
	flags := revertFlags{
		atDeadline:  cmd.Flags().Bool("at-deadline", false, "wait until the trial's time is over"),
		asJSON:      cmd.Flags().Bool("json", false, "print the outcome as JSON"),
		lockTimeout: option.LockTimeout(cmd),
	}
	cmd.Flags().Lookup("at-deadline").Hidden = true // the watchdog's
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return flags.run(cmd) }
	return cmd
}

func (f revertFlags) run(cmd *cobra.Command) error {
	environ.Steady()
	o := f.revert(cmd)
	sentence := "Reverted. The host is as it was before the apply.\n" + change.Unmended
	if o.Status != host.Reverted {
		sentence = "No trial is pending. Nothing was changed. `hardenctl rollback` undoes what was confirmed."
	}
	return change.Ending{Outcome: o, Word: "reverted", Wanted: host.Reverted, Sentence: sentence}.Report(cmd, *f.asJSON)
}

func (f revertFlags) revert(cmd *cobra.Command) host.Outcome {
	if *f.atDeadline {
		return host.OutcomeOf(host.Reverted, atDeadline(cmd))
	}
	held, err := local.Host.Open(cmd.Context(), local.Waiting(cmd, *f.lockTimeout, *f.asJSON))
	if err != nil {
		return host.OutcomeOf(host.Unchanged, err)
	}
	defer held.Close()
	return held.Revert(context.WithoutCancel(cmd.Context()))
}

// atDeadline is the watchdog. It says what it meets where somebody may read it,
// as in the journal of systemd.
func atDeadline(cmd *cobra.Command) error {
	return local.Host.WatchTrial(cmd.Context(), func(err error, next time.Duration) {
		terminal.Complain(cmd.ErrOrStderr(), fmt.Errorf("%w; the watchdog tries again in %v", err, next))
	})
}
