package netset

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// The codes of what can be wrong with a list, besides its entries.
const (
	CodeBytes    = "bad-bytes"     // NUL, or not UTF-8
	CodeTrailing = "trailing-text" // something after the entry of a line
	CodeJSON     = "bad-json"      // not JSON, or not a crawler list
	CodeMore     = "more-entries"  // so many more entries are bad
)

// ReadText reads a netset: one address, prefix or range "first-last" a line.
// A comment starts with # or ; anywhere in a line; blank lines, and white space
// round an entry, count for nothing; lines end in LF or CR LF. file is the name
// in positions.
//
// entries counts the lines that held a good entry, before merging, so that a
// caller can tell a feed that collapsed from one that aggregates well. A bad
// line is an error in diags, and the rest is still read; host bits beyond a
// length are cleared, with a warning. At most 20 lines are reported; one more
// diagnostic counts the others. 0.0.0.0/0 is an entry like any other here.
func ReadText(file string, text []byte, diags *diag.List) (set Set, entries int) {
	r := reader{report: report{file: file}}
	r.v4 = make([]span[bits4], 0, len(text)/averageLine)
	// One copy here lets every line be a string without one of its own.
	for rest := withoutMark(text); rest != ""; {
		var line string
		r.line++
		line, rest, _ = strings.Cut(rest, "\n")
		r.readLine(line)
	}
	r.report.flush(diags)
	return r.set(), r.entries
}

// withoutMark returns a text without the byte order mark that some editors put
// in front of it.
func withoutMark(text []byte) string {
	return strings.TrimPrefix(string(text), "\uFEFF")
}

// averageLine is about the length of a line of a list of IPv4 addresses.
const averageLine = 14

// reader reads the entries of one list.
type reader struct {
	builder
	report
	line    int // of a text: the one being read, from 1; of JSON: how many are passed
	entries int
}

// readLine reads a line without its LF. Nearly every line of a long list is
// plain IPv4 and goes no further than scan4.
func (r *reader) readLine(line string) {
	if s, n := scan4(line); n > 0 && (n == len(line) || line[n:] == "\r") {
		r.v4 = append(r.v4, s)
		r.entries++
		return
	}
	if at := badByte(line); at >= 0 {
		r.refuse(r.at(at), func() *SyntaxError { return explainByte(line, at) })
		return
	}
	entry := line
	if i := strings.IndexAny(line, "#;"); i >= 0 {
		entry = line[:i]
	}
	start := len(entry) - len(strings.TrimLeft(entry, blank))
	entry = strings.Trim(entry, blank)
	if i := strings.IndexAny(entry, blank); i >= 0 {
		r.refuse(r.at(start+i+1), func() *SyntaxError { return explainTrailing(entry[i+1:]) })
	} else if entry != "" {
		r.readEntry(entry, r.at(start))
	}
}

// blank is the white space that may surround an entry; a CR is there when lines
// end in CR LF.
const blank = " \t\r"

// at is the place of an offset in the line.
func (r *reader) at(offset int) place { return place{r.line, offset + 1} }

// readEntry reads the one entry of a line.
func (r *reader) readEntry(entry string, at place) {
	if first, last, ok := acceptRange(entry); ok {
		r.addRange(first, last)
		r.entries++
		return
	}
	if !r.readPrefix(entry, at) {
		r.refuse(at, func() *SyntaxError {
			if e := explainRange(entry); e != nil {
				return e
			}
			return explain(entry)
		})
	}
}

// readPrefix adds an address or prefix, with a warning if it has host bits
// beyond its length, and reports whether it was one.
func (r *reader) readPrefix(entry string, at place) bool {
	p, ok := accept(entry)
	if !ok {
		return false
	}
	if p != p.Masked() {
		r.add(diag.Warning, at, func() *SyntaxError { return hostBits(entry, p) })
	}
	r.addPrefix(p)
	r.entries++
	return true
}

// refuse reports an error.
func (r *reader) refuse(at place, why func() *SyntaxError) { r.add(diag.Error, at, why) }

func explainTrailing(rest string) *SyntaxError {
	return &SyntaxError{
		Code:       CodeTrailing,
		Message:    quote(strings.TrimLeft(rest, blank)) + " follows the entry of the line",
		Suggestion: "write one entry on a line, and # before a comment",
	}
}

// badByte returns the offset of the first NUL or of the first byte that is not
// UTF-8, or -1. A NUL ends the line for tools written in C, and not for us.
func badByte(text string) int {
	if utf8.ValidString(text) {
		return strings.IndexByte(text, 0)
	}
	for i, c := range text {
		if c == 0 || c == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) {
			return i
		}
	}
	return -1
}

func explainByte(text string, at int) *SyntaxError {
	if text[at] == 0 {
		return &SyntaxError{CodeBytes, "the text holds a NUL byte", "save the list as plain text"}
	}
	return &SyntaxError{CodeBytes, fmt.Sprintf("the byte 0x%02x is not UTF-8 here", text[at]), "save the list as UTF-8 text"}
}
