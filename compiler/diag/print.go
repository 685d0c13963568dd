package diag

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// excerptWidth is the most bytes of a source line that Print shows: a line of
// a megabyte is cut around the caret.
const excerptWidth = 120

// Print writes the list for a person: each diagnostic with, where source knows
// the file, the line of the profile and a caret under the place. source returns
// the text of a file by the name used in positions, or nil. colour adds ANSI
// colours.
func Print(w io.Writer, list List, source func(file string) []byte, colour bool) {
	paint := func(code, text string) string {
		if !colour {
			return text
		}
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	for _, d := range list {
		tint := "1;31"
		if d.Severity == Warning {
			tint = "1;33"
		}
		fmt.Fprintf(w, "%s: %s: %s\n", paint("1", printable(d.Position.String())), paint(tint, d.Severity.String()), printable(headline(d)))
		printExcerpt(w, d.Position, source, func(text string) string { return paint("1;32", text) })
		printHint(w, "example", d.Example)
		for _, other := range d.Related {
			printHint(w, "at", other.Position.String()+": "+other.Message)
		}
		printHint(w, "note", d.Note)
		printHint(w, "help", d.Suggestion)
	}
}

func headline(d Diagnostic) string {
	if d.Subject == "" {
		return d.Message
	}
	return d.Subject + ": " + d.Message
}

func printHint(w io.Writer, label, text string) {
	if text != "" {
		fmt.Fprintf(w, "  %s: %s\n", label, printable(text))
	}
}

func printExcerpt(w io.Writer, pos Position, source func(string) []byte, paint func(string) string) {
	if pos.Line == 0 || pos.Column == 0 || source == nil {
		return
	}
	line, ok := lineOf(source(pos.File), pos.Line)
	if !ok {
		return
	}
	shown, column := window(line, pos.Column-1)
	number := fmt.Sprint(pos.Line)
	fmt.Fprintf(w, "  %s | %s\n", number, printable(shown))
	fmt.Fprintf(w, "  %s | %s%s\n", strings.Repeat(" ", len(number)), padding(shown, column), paint("^"))
}

// lineOf returns line n of text, counted from 1, without its end.
func lineOf(text []byte, n int) (string, bool) {
	rest := string(text)
	for ; n > 1; n-- {
		_, after, found := strings.Cut(rest, "\n")
		if !found {
			return "", false
		}
		rest = after
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSuffix(line, "\r"), text != nil
}

// window cuts a long line to the part around column, a byte offset, and
// returns that part with the column inside it.
func window(line string, column int) (string, int) {
	column = min(column, len(line))
	start := max(0, column-excerptWidth/2)
	if len(line) <= excerptWidth {
		start = 0
	}
	end := min(len(line), start+excerptWidth)
	return line[start:end], column - start
}

// printable replaces what a terminal would act on, so that a hostile profile
// cannot write to it; nor can it reorder what a reader sees by the invisible
// characters that turn the direction of text.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r != utf8.RuneError && unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, line)
}

// padding is the blank that is in front of a caret: a tab for a tab, a
// space for any other character.
func padding(line string, column int) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, line[:column])
}
