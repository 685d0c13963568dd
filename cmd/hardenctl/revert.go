package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/watchdog"
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
		Short: "End a trial before its time: everything goes back",
		Long: `End the trial that is pending, and clear up whatever an apply has left that was
not confirmed. Rules, sets and kernel settings are what they were before; changes
that others have made since stay. If somebody has saved the firewall meanwhile, the
trial's rules and sets are removed from the files that the host boots from.
Without a trial it changes nothing, and says so.

An apply that was confirmed and then died goes on to its end. If it cannot, it is
given up: what is still on trial goes back, but rules, sets and files that were
in place already stay new. Where the journal of a trial cannot be read, rules and
sets go back, and kernel settings stay.

It exits 0 when nothing is on trial any more; 1 if something is in the way; 4 if an
apply is half done, in one of these two ways: look at the host; and 6 if nothing
was changed since another program held a lock for too long: try again.`,
		Example: `  hardenctl revert`,
		Args:    cobra.NoArgs,
	}
	flags := revertFlags{
		atDeadline:  cmd.Flags().Bool("at-deadline", false, "wait until the trial's time is over"),
		asJSON:      cmd.Flags().Bool("json", false, "print the outcome as JSON"),
		lockTimeout: lockFlag(cmd),
	}
	cmd.Flags().Lookup("at-deadline").Hidden = true // the watchdog's
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return flags.run(cmd) }
	return cmd
}

func (f revertFlags) run(cmd *cobra.Command) error {
	steady()
	reverted, err := f.revert(cmd)
	sentence := "Everything went back to what it was before the apply.\n" + unmended
	if !reverted {
		sentence = "Nothing was on trial."
	}
	return ending{word: "reverted", did: reverted && err == nil, sentence: sentence}.report(cmd, *f.asJSON, err)
}

func (f revertFlags) revert(cmd *cobra.Command) (bool, error) {
	if os.Geteuid() != 0 {
		return false, host.ErrNotRoot
	}
	if *f.atDeadline {
		return true, atDeadline(cmd)
	}
	say := progress(cmd, *f.asJSON)
	release, err := lockAloud(cmd, *f.lockTimeout, say)
	if err != nil {
		return false, err
	}
	defer release()
	return host.Revert(context.WithoutCancel(cmd.Context()), say)
}

// atDeadline is the watchdog. It says what it meets where somebody may read it,
// as in the journal of systemd.
func atDeadline(cmd *cobra.Command) error {
	ctx := cmd.Context()
	if err := watchdog.Wait(ctx); err != nil {
		return err
	}
	return watchdog.Insist(ctx, func() error { return endTrial(ctx) }, func(err error, next time.Duration) {
		fmt.Fprintf(cmd.ErrOrStderr(), "hardenctl: %v; the watchdog tries again in %v\n", err, next)
	})
}

// endTrial ends the trial whose time is over. A confirm that is under way then
// holds the lock, and has its time.
func endTrial(ctx context.Context) error {
	release, err := lock(ctx, 10*time.Minute, func(string) {})
	if err != nil {
		return err
	}
	defer release()
	return host.Recover(context.WithoutCancel(ctx), func(string) {})
}
