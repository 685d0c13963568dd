// Package escape shows names that others have chosen.
//
// A user names her programs, and an administrator chains, sets and files. On some
// characters a terminal acts, and a line that is broken looks like two: one of them
// may be a forged message of ours. Such characters are written as Go writes them in
// a string, "\x1b".
package escape

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Line returns a text as a part of one line.
func Line(text string) string {
	var line []byte
	for rest := []byte(text); len(rest) > 0; {
		shown, n := First(rest)
		if rest[0] == '\n' || rest[0] == '\t' {
			shown = fmt.Appendf(nil, `\x%02x`, rest[0])
		}
		line, rest = append(line, shown...), rest[n:]
	}
	return string(line)
}

// First returns how the first character of a text is shown, and how many bytes of
// the text that is. A newline and a tab are shown as they are.
func First(text []byte) (shown []byte, length int) {
	r, n := utf8.DecodeRune(text)
	switch {
	case r == utf8.RuneError && n == 1, r < ' ' && r != '\n' && r != '\t':
		return fmt.Appendf(nil, `\x%02x`, text[0]), 1
	case unicode.IsControl(r) && r > ' ', unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
		return fmt.Appendf(nil, `\u%04x`, r), n // JSON may have them, and takes this for the same
	}
	return text[:n], n
}
