package terminal

import (
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/terminal/pty"
)

// A countdown is for a terminal that can write a line anew, and each second is
// shown once. In a file there would be hundreds of them.
func TestCountdownStream(t *testing.T) {
	for _, c := range []struct {
		name, term string
		isTTY      bool
		want       string
	}{
		{"a terminal", "xterm", true, "\r  3 s left to confirm \r  2 s left to confirm \r\n"},
		{"a terminal that prints one line after the other", "dumb", true, ""},
		{"a file", "xterm", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TERM", c.term)
			w, text := pty.Stream(t, c.isTTY)
			line := NewCountdown(w)
			for _, left := range []time.Duration{2900, 2700, 2100, 2000, 1900} {
				line.Show(left * time.Millisecond)
			}
			line.End()
			if got := text(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A question is asked where a person reads it, and not at all where no person
// would: an answer is not waited for then.
func TestAskedStream(t *testing.T) {
	for _, c := range []struct {
		in, out, err bool
		want         string
	}{
		{true, true, true, "output"}, {true, true, false, "output"}, {true, false, true, "errors"},
		{true, false, false, "none"}, {false, true, true, "none"}, {false, false, false, "none"},
	} {
		cmd := &cobra.Command{}
		in, _ := pty.Stream(t, c.in)
		out, _ := pty.Stream(t, c.out)
		errors, _ := pty.Stream(t, c.err)
		cmd.SetIn(in)
		cmd.SetOut(out)
		cmd.SetErr(errors)
		got := "none"
		switch Asked(cmd) {
		case out:
			got = "output"
		case errors:
			got = "errors"
		}
		if got != c.want {
			t.Errorf("%+v: asked on %s", c, got)
		}
	}
}
