package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host"
)

func newRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Load the saved rules, or close this host (for the boot)",
		Long: `Put in force what this host saved: sets, then rules, then kernel settings. The
unit hardenctl-restore.service runs it at boot, before the network is up. What
another loader has put in force already is compared and left alone.

If the sets cannot be loaded, or the rules of a family, that family gets the
rules of /etc/hardenctl/closed.v4 or closed.v6: open connections, and admin
services for admin addresses. So a broken file never leaves the host open; nor
does one that is gone: then the last generation says who gets in.

Bans that the profile keeps (scan.keep_bans) come back with the time that is
left of them. --save-bans writes them down; the unit runs it when the host goes
down.

It exits 0 if everything is in force as the files say, or if nothing was ever
applied here; 1 if anything had to be closed, or could not be compared or set;
and 6 if another program held a lock, or an apply was on trial, for too long: try
again.`,
		Example: `  hardenctl restore
  hardenctl restore --lock-timeout 5s`,
		Args: cobra.NoArgs,
	}
	wait := turnFlag(cmd, time.Minute)
	save := cmd.Flags().Bool("save-bans", false, "instead, save the bans that the profile keeps (for a shutdown)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if os.Geteuid() != 0 {
			return host.ErrNotRoot
		}
		steady()
		ready := onTrial
		if *save {
			ready = func() error { return nil }
		}
		release, err := takeTurn(cmd, *wait, progress(cmd, false), ready)
		if err != nil {
			return err
		}
		defer release()
		if *save {
			return host.SaveBans()
		}
		return restore(cmd)
	}
	return cmd
}

// onTrial returns the error of a trial that is pending in this kernel.
func onTrial() error {
	var trial *host.PendingError
	if errors.As(host.InTheWay(), &trial) {
		return trial
	}
	return nil
}

// restore is not cut off by a signal: half of it would be a host that is closed.
func restore(cmd *cobra.Command) error {
	var unwritten error
	err := host.Restore(context.WithoutCancel(cmd.Context()), func(line string) {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), line)
		unwritten = errors.Join(unwritten, err)
	})
	return errors.Join(err, unwritten)
}
