package profile

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// source is the text of one file under the name that positions carry.
type source struct {
	name  string
	text  []byte
	lines []int // where each line begins
}

func newSource(name string, text []byte) *source {
	s := &source{name: name, text: text, lines: []int{0}}
	for i, c := range text {
		if c == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// position is the line and column of a byte.
func (s *source) position(at int) diag.Position {
	line := sort.SearchInts(s.lines, at+1)
	return diag.Position{File: s.name, Line: line, Column: at - s.lines[line-1] + 1}
}

// byteOrderMark may be before UTF-8 text; it says nothing.
var byteOrderMark = []byte("\ufeff")

// clean returns the text with every byte that is not text replaced, so that
// offsets stay, and the places of the first such byte on each line.
func (s *source) clean() (text []byte, bad []int) {
	text = bytes.Clone(s.text)
	if bytes.HasPrefix(text, byteOrderMark) {
		copy(text, "   ")
	}
	line := -1
	for i := 0; i < len(text); {
		width, ok := textAt(text[i:])
		if !ok {
			text[i] = '?'
			if at := s.position(i).Line; at != line {
				line, bad = at, append(bad, i)
			}
		}
		i += width
	}
	return text, bad
}

// textAt reports whether a character that TOML allows begins text, and its
// length.
func textAt(text []byte) (width int, ok bool) {
	c := text[0]
	switch {
	case c == '\r':
		return 1, len(text) > 1 && text[1] == '\n'
	case c < ' ' && c != '\t' && c != '\n', c == 0x7f:
		return 1, false
	case c < utf8.RuneSelf:
		return 1, true
	}
	r, width := utf8.DecodeRune(text)
	return width, r != utf8.RuneError || width > 1
}

// encodingFlaw says what is wrong with a byte that is not text.
func encodingFlaw(c byte) *flaw {
	switch {
	case c == 0:
		return &flaw{Code: "encoding", Message: "a NUL byte is not text", Suggestion: "save the file as UTF-8"}
	case c >= utf8.RuneSelf:
		return &flaw{Code: "encoding", Message: fmt.Sprintf("byte 0x%02x is not valid UTF-8", c), Suggestion: "save the file as UTF-8"}
	}
	return &flaw{Code: "encoding", Message: fmt.Sprintf("control character 0x%02x is not allowed", c), Suggestion: "take it out"}
}

// shown is the most bytes of untrusted text that a message quotes.
const shown = 64

// quote returns untrusted text for a message.
func quote(text string) string {
	if len(text) <= shown {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q…", strings.ToValidUTF8(text[:shown], ""))
}

// longest is the most bytes of the library's words that a message takes.
const longest = 200

// cut shortens a message of the library, which may quote the file.
func cut(message string) string {
	if len(message) <= longest {
		return message
	}
	return strings.ToValidUTF8(message[:longest], "") + "…"
}
