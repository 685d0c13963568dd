// Package findings writes what is wrong with a profile in forms that other programs read:
// SARIF for code scanners, JUnit's XML for CI servers.
package findings

import (
	"bytes"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// Report is what a command has found.
type Report struct {
	Profile string // as the user named it
	Version string // of hardenctl
	// List names files as the user would.
	List diag.List
	// Strict says that warnings are failures too.
	Strict bool
	// Text returns the text of a file by the name that List has, or nil.
	Text func(file string) []byte
}

// words are all that a diagnostic says but its place.
func words(d diag.Diagnostic) string {
	text := d.Message
	if d.Subject != "" {
		text = d.Subject + ": " + text
	}
	for _, hint := range []struct{ label, text string }{{"Example", d.Example}, {"Note", d.Note}, {"Help", d.Suggestion}} {
		if hint.text != "" {
			text += "\n" + hint.label + ": " + hint.text
		}
	}
	return text
}

// lineOf returns line n of a text, counted from 1, without its end.
func lineOf(text []byte, n int) []byte {
	for ; n > 1; n-- {
		_, rest, found := bytes.Cut(text, []byte("\n"))
		if !found {
			return nil
		}
		text = rest
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return line
}
