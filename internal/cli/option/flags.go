// Package option holds the flags that several commands share, and says in words of a
// user what is wrong with a command line.
package option

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// LockTimeout adds --lock-timeout, for a command that does not wait for a trial.
func LockTimeout(cmd *cobra.Command) *time.Duration {
	return Duration(cmd, "lock-timeout", 10*time.Second, "how long to wait for another hardenctl", nil)
}

// TurnTimeout is LockTimeout for a command that a pending trial blocks.
func TurnTimeout(cmd *cobra.Command, wait time.Duration) *time.Duration {
	return Duration(cmd, "lock-timeout", wait, "how long to wait for another hardenctl or a pending trial", nil)
}

// Full adds --full, for a command that shows a plan.
func Full(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("full", false, "list every change, and every packet that is decided differently")
}

// RefuseEmpty returns an error for a flag that was given without a value, as a
// script does whose variable is not set: it would count as a flag not given.
func RefuseEmpty(cmd *cobra.Command, name string) error {
	if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
		return fmt.Errorf("--%s: the file name is empty", name)
	}
	return nil
}

// Error says how a time is written where one was given without a unit, or
// in days, and where the flags of a command are listed.
func Error(cmd *cobra.Command, err error) error {
	if strings.HasPrefix(err.Error(), "unknown ") {
		return fmt.Errorf("%w; `%s --help` lists the flags", err, cmd.CommandPath())
	}
	if strings.Contains(err.Error(), "in duration") {
		return fmt.Errorf("%w; write a number with a unit, such as 90s, 5m or 1h", err)
	}
	return err
}
