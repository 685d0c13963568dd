// Package terminal is how the commands meet a person: screens that no byte of others
// can act on, colours, steps, countdowns and questions, each only where a terminal is.
package terminal

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

// Is reports whether a stream is a terminal.
func Is(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr }) // a file, or a screen
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// isSmart reports whether a stream is a terminal that does more than print one
// line after the other.
func isSmart(stream any) bool { return os.Getenv("TERM") != "dumb" && Is(stream) }

// Colourful reports whether output to w has colours: on a terminal that
// knows them, unless NO_COLOR is set (no-color.org).
func Colourful(w io.Writer) bool { return os.Getenv("NO_COLOR") == "" && isSmart(w) }

// Asked returns where a person reads a question: on standard output, or on
// standard error if the other goes to a file or a pipe. It is nil if no
// person would read it, or none can answer.
func Asked(cmd *cobra.Command) io.Writer {
	if !Is(cmd.InOrStdin()) {
		return nil
	}
	for _, w := range []io.Writer{cmd.OutOrStdout(), cmd.ErrOrStderr()} {
		if Is(w) {
			return w
		}
	}
	return nil
}

// Countdown shows in one line of a terminal how many seconds are left. On any
// other stream it shows nothing.
type Countdown struct {
	w     io.Writer
	shown int
}

// NewCountdown returns a countdown on a stream.
func NewCountdown(w io.Writer) *Countdown { return &Countdown{w: w} }

// Show shows what is left, if that is another number of seconds than before.
func (c *Countdown) Show(left time.Duration) {
	seconds := int((left + time.Second - 1) / time.Second)
	if seconds != c.shown && isSmart(c.w) {
		fmt.Fprintf(raw(c.w), "\r%3d s left to confirm ", seconds)
		c.shown = seconds
	}
}

// End ends the line, if there is one.
func (c *Countdown) End() {
	if c.shown != 0 {
		fmt.Fprintln(c.w)
	}
}
