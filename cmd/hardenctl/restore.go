package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/change"
	"github.com/hardenctl/hardenctl/internal/cli/environ"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/cli/option"
)

func newRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Load the saved firewall at boot, or close this host",
		Long: `Load the saved firewall: sets, then rules, then kernel settings. The unit
hardenctl-restore.service runs this at boot, before the network is up. If another
loader has loaded the rules already, restore compares them and does not load them
again.

If the sets or the rules of a family cannot be loaded, restore closes that family:
it loads /etc/hardenctl/closed.v4 or closed.v6. These allow open connections, and
admin services for admin addresses. So a broken file never leaves the host open.
If these files are missing too, the newest generation says who is admitted.

Lines of others in the saved files that cannot be loaded are left out, and close
nothing. restore names them, with the number of each line, and exits with 1.

If the profile keeps bans (scan.keep_bans), restore loads them with the time that
they have left. The unit saves them with --save-bans at shutdown.`,
		Example: `  hardenctl restore
  hardenctl restore --lock-timeout 5s`,
		Args: cobra.NoArgs,
	}
	wait := option.TurnTimeout(cmd, time.Minute)
	save := cmd.Flags().Bool("save-bans", false, "save the bans instead, at shutdown (if scan.keep_bans is set)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		environ.Steady()
		if *save {
			return saveBans(cmd, *wait)
		}
		return restore(cmd, *wait)
	}
	return cmd
}

func saveBans(cmd *cobra.Command, wait time.Duration) error {
	held, err := local.Host.Open(cmd.Context(), local.Waiting(cmd, wait, false))
	if err != nil {
		return err
	}
	defer held.Close()
	return change.Failure(held.SaveBans())
}

// restore is not cut off by a signal: half of it would be a host that is closed.
func restore(cmd *cobra.Command, wait time.Duration) error {
	held, err := local.Host.OpenAtBoot(cmd.Context(), local.Waiting(cmd, wait, false))
	if err != nil {
		return err
	}
	defer held.Close()
	var unwritten error
	o := held.Restore(context.WithoutCancel(cmd.Context()), func(line string) {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), line)
		unwritten = errors.Join(unwritten, err)
	})
	if o.Err == nil && unwritten != nil {
		return exitcode.ExitError{Code: exitcode.Unwritten, Err: fmt.Errorf("the restore is done, but the output could not be written: %w", unwritten)}
	}
	return change.Failure(o)
}
