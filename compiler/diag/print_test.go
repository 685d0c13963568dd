package diag_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// printed prints one diagnostic about a place in a text.
func printed(d diag.Diagnostic, text string, colour bool) string {
	var b strings.Builder
	d.File = "a.toml"
	diag.Print(&b, diag.List{d}, func(string) []byte { return []byte(text) }, colour)
	return b.String()
}

func at(line, column int) diag.Diagnostic {
	return diag.Diagnostic{Position: diag.Position{Line: line, Column: column}, Message: "no"}
}

func TestPrint(t *testing.T) {
	hinted := at(2, 5)
	hinted.Severity, hinted.Subject, hinted.Note, hinted.Suggestion = diag.Warning, "x.y", "why", "what instead"
	for _, test := range []struct {
		name string
		d    diag.Diagnostic
		text string
		want string
	}{
		{"caret", at(1, 5), "abc defg\n", "a.toml:1:5: error: no\n  1 | abc defg\n    |     ^\n"},
		{"everything", hinted, "1\nabc defg", "a.toml:2:5: warning: x.y: no\n  2 | abc defg\n    |     ^\n  note: why\n  help: what instead\n"},
		{"line numbers of any width", at(10, 1), strings.Repeat("\n", 9) + "x", "a.toml:10:1: error: no\n  10 | x\n     | ^\n"},
		{"a tab is under a tab", at(1, 3), "\ta\tb", "a.toml:1:3: error: no\n  1 | \ta\tb\n    | \t ^\n"},
		{"two bytes, one character", at(1, 5), "éé x", "a.toml:1:5: error: no\n  1 | éé x\n    |   ^\n"},
		{"line end of DOS", at(1, 1), "x\r\ny", "a.toml:1:1: error: no\n  1 | x\n    | ^\n"},
		{"behind the end", at(1, 99), "x", "a.toml:1:99: error: no\n  1 | x\n    |  ^\n"},
		{"no such line", at(9, 1), "x", "a.toml:9:1: error: no\n"},
		{"no column", at(1, 0), "x", "a.toml:1: error: no\n"},
		{"escape sequences", at(1, 7), "a\x1b[2Jb\x07", "a.toml:1:7: error: no\n  1 | a·[2Jb·\n    |       ^\n"},
		{"bytes that are not text", at(1, 3), "a\xffb\x00\u009b", "a.toml:1:3: error: no\n  1 | a·b··\n    |   ^\n"},
		{"text turned round", at(1, 1), "a\u202eb\u2066", "a.toml:1:1: error: no\n  1 | a·b·\n    | ^\n"},
	} {
		if got := printed(test.d, test.text, false); got != test.want {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

// TestLongLine cuts a long line to what is around the caret.
func TestLongLine(t *testing.T) {
	text := strings.Repeat("a", 5000) + "X" + strings.Repeat("b", 1<<20)
	for _, column := range []int{1, 60, 5001, len(text), len(text) + 1} {
		lines := strings.Split(printed(at(1, column), text, false), "\n")
		if len(lines[1]) > 130 || len(lines[2]) > 130 {
			t.Errorf("column %d: lines of %d and %d bytes", column, len(lines[1]), len(lines[2]))
		}
		if column == 5001 && lines[1][strings.Index(lines[2], "^")] != 'X' {
			t.Errorf("the caret is not under the X:\n%s\n%s", lines[1], lines[2])
		}
	}
}

// TestNoSource prints no excerpt where the text is not to be had.
func TestNoSource(t *testing.T) {
	var b strings.Builder
	list := diag.List{at(1, 1)}
	list[0].File = "a.toml"
	diag.Print(&b, list, nil, false)
	diag.Print(&b, list, func(string) []byte { return nil }, false)
	if got, want := b.String(), "a.toml:1:1: error: no\na.toml:1:1: error: no\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestColour(t *testing.T) {
	const want = "\x1b[1ma.toml:1:1\x1b[0m: \x1b[1;31merror\x1b[0m: no\n  1 | x\n    | \x1b[1;32m^\x1b[0m\n"
	if got := printed(at(1, 1), "x", true); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := printed(at(1, 1), "x", false); strings.Contains(got, "\x1b") {
		t.Errorf("colours came unasked: %q", got)
	}
}

// FuzzPrint holds that nothing in a profile, be it in its text or in what a
// diagnostic says about it, reaches the terminal as more than text.
func FuzzPrint(f *testing.F) {
	f.Add("x = \x1b[2J", "\x1b]0;title\x07", 1, 5)
	f.Add(strings.Repeat("é", 300), "s", 1, 301)
	f.Add("\ta\u202e", "k\u202e", 1, 2)
	f.Fuzz(func(t *testing.T, text, said string, line, column int) {
		if line < 0 || column < 0 {
			t.Skip("positions count from 1")
		}
		d := at(line, column)
		d.Subject, d.Message, d.Note, d.Suggestion = said, said, said, said
		got := printed(d, text, false)
		if !utf8.ValidString(got) {
			t.Errorf("not UTF-8: %q", got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("passed on %q", got[i:])
		}
		if n := strings.Count(got, "\n"); n > 5 {
			t.Errorf("%d lines for one diagnostic:\n%s", n, got)
		}
	})
}
