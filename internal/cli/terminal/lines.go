package terminal

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Complain prints an error. Its other lines, such as those of a tool, begin with a
// blank: a name in it that has a newline looks like no message of ours.
func Complain(w io.Writer, err error) {
	fmt.Fprintf(w, "hardenctl: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
}

// Progress says each step on a terminal.
func Progress(cmd *cobra.Command, asJSON bool) func(string) {
	w := cmd.ErrOrStderr()
	if asJSON || !Is(w) {
		return func(string) {}
	}
	return func(step string) { fmt.Fprintf(w, "… %s\n", step) }
}
