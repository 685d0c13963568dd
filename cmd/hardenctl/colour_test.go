package main

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/cli/terminal/pty"
)

// Diagnostics are coloured if standard error is a terminal that knows colours,
// whatever standard output is.
func TestColourStream(t *testing.T) {
	enter(t, map[string]string{"bad.toml": "version = 1\nfly = true\n"})
	for _, c := range []struct {
		name, noColor, term string
		out, err, want      bool
	}{
		{"both terminals", "", "xterm", true, true, true},
		{"output in a file", "", "xterm", false, true, true},
		{"errors in a file", "", "xterm", true, false, false},
		{"both in files", "", "xterm", false, false, false},
		{"NO_COLOR", "1", "xterm", true, true, false},
		{"an empty NO_COLOR", "", "xterm", true, true, true},
		{"a dumb terminal", "", "dumb", true, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", c.noColor)
			t.Setenv("TERM", c.term)
			out, outText := pty.Stream(t, c.out)
			errors, errorText := pty.Stream(t, c.err)
			root := newRoot()
			root.SetArgs([]string{"check", "bad.toml"})
			root.SetOut(out)
			root.SetErr(errors)
			root.Execute()
			if said := errorText(); strings.Contains(said, "\x1b[") != c.want || !strings.Contains(said, "bad.toml:2:1") {
				t.Errorf("colour %v, want %v: %q", !c.want, c.want, said)
			}
			if said := outText(); said != "" {
				t.Errorf("on standard output: %q", said)
			}
		})
	}
}
