package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// Each stream is asked itself whether it is a terminal: one may be, and another
// be a file or a pipe.

func isTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr }) // a file, or a screen
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// isSmart reports whether a stream is a terminal that does more than print one
// line after the other.
func isSmart(stream any) bool { return os.Getenv("TERM") != "dumb" && isTerminal(stream) }

// colourful reports whether output to w has colours: on a terminal that
// knows them, unless NO_COLOR is set (no-color.org).
func colourful(w io.Writer) bool { return os.Getenv("NO_COLOR") == "" && isSmart(w) }

// asked returns where a person reads a question: on standard output, or on
// standard error if the other goes to a file or a pipe. It is nil if nobody
// would read it, or nobody can answer.
func asked(cmd *cobra.Command) io.Writer {
	if !isTerminal(cmd.InOrStdin()) {
		return nil
	}
	for _, w := range []io.Writer{cmd.OutOrStdout(), cmd.ErrOrStderr()} {
		if isTerminal(w) {
			return w
		}
	}
	return nil
}

// countdown shows in one line of a terminal how many seconds are left. On any
// other stream it shows nothing.
type countdown struct {
	w     io.Writer
	shown int
}

// show shows what is left, if that is another number of seconds than before.
func (c *countdown) show(left time.Duration) {
	seconds := int((left + time.Second - 1) / time.Second)
	if seconds != c.shown && isSmart(c.w) {
		fmt.Fprintf(raw(c.w), "\r%3d s left to confirm ", seconds)
		c.shown = seconds
	}
}

// end ends the line, if there is one.
func (c *countdown) end() {
	if c.shown != 0 {
		fmt.Fprintln(c.w)
	}
}
