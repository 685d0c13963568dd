// Package local is the host that the commands read and change: the one on which they
// run.
package local

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host"
)

// Host is the host that the commands read and change.
var Host = host.Under("/")

// Waiting says how a command waits for its turn, and what it prints meanwhile.
func Waiting(cmd *cobra.Command, limit time.Duration, asJSON bool) host.Wait {
	return host.Wait{Limit: limit, Progress: terminal.Progress(cmd, asJSON), Mended: func(what string) {
		fmt.Fprintln(cmd.ErrOrStderr(), "hardenctl: "+what)
	}}
}

// CommandLine is the command as it was called, without the program's folder.
func CommandLine() []string {
	return append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)
}
