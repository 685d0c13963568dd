package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host"
)

func lockFlag(cmd *cobra.Command) *time.Duration {
	return cmd.Flags().Duration("lock-timeout", 10*time.Second, "how long to wait for another hardenctl")
}

// turnFlag is lockFlag for a command that a trial is in the way of.
func turnFlag(cmd *cobra.Command, wait time.Duration) *time.Duration {
	return cmd.Flags().Duration("lock-timeout", wait, "how long to wait for another hardenctl or a pending trial")
}

// thisHost is the host that the commands read and change.
var thisHost = host.Under("/")

// waiting says how a command waits for its turn, and whom it tells what.
func waiting(cmd *cobra.Command, limit time.Duration, asJSON bool) host.Wait {
	return host.Wait{Limit: limit, Progress: progress(cmd, asJSON), Mended: func(what string) {
		fmt.Fprintln(cmd.ErrOrStderr(), "hardenctl: "+what)
	}}
}

// commandLine is the command as it was called, without the program's folder.
func commandLine() []string {
	return append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)
}
