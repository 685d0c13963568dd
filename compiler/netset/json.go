package netset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// ReadJSON reads a crawler list in the form in which search engines publish
// theirs:
//
//	{"prefixes": [{"ipv4Prefix": "192.0.2.0/24"}, {"ipv6Prefix": "2001:db8::/32"}]}
//
// Other keys count for nothing. file is the name in positions; entries, errors
// and warnings are as those of ReadText, for prefixes instead of lines.
func ReadJSON(file string, text []byte, diags *diag.List) (set Set, entries int) {
	clean := withoutMark(text)
	text = []byte(clean)
	r := jsonReader{text: clean, dec: json.NewDecoder(bytes.NewReader(text))}
	r.dec.UseNumber() // a number that no float64 holds is not an error of ours
	r.file = file
	if r.check(text) {
		r.readList()
	}
	r.report.flush(diags)
	return r.set(), r.entries
}

// jsonReader walks over the tokens of a text, since only tokens have places.
type jsonReader struct {
	reader
	text string
	dec  *json.Decoder
	// offset is where the last place was, and lineStart where its line starts.
	offset, lineStart int
}

// check reports whether the text is well-formed, so that no step of the walk
// over its tokens can fail.
func (r *jsonReader) check(text []byte) bool {
	if at := badByte(r.text); at >= 0 {
		r.refuse(r.move(at), func() *SyntaxError { return explainByte(r.text, at) })
		return false
	}
	err := json.Unmarshal(text, new(json.RawMessage))
	if err == nil {
		return true
	}
	at := len(text)
	if bad := (*json.SyntaxError)(nil); errors.As(err, &bad) && bad.Offset > 0 {
		at = int(bad.Offset) - 1
	}
	r.refuse(r.move(at), notAList("the list is not JSON: "+err.Error()))
	return false
}

func notAList(message string) func() *SyntaxError {
	return func() *SyntaxError {
		return &SyntaxError{CodeJSON, message, `write {"prefixes": [{"ipv4Prefix": "192.0.2.0/24"}]}`}
	}
}

// readList reads the list as a whole.
func (r *jsonReader) readList() {
	start := r.next()
	if !r.enter(start, '{', `the list must be an object that holds "prefixes"`) {
		return
	}
	found := false
	for r.dec.More() {
		if r.token() == "prefixes" {
			found = true
			r.readPrefixes()
		} else {
			r.skip()
		}
	}
	if !found {
		r.refuse(start, notAList(`the list has no "prefixes"`))
	}
}

func (r *jsonReader) readPrefixes() {
	if !r.enter(r.next(), '[', `"prefixes" must be an array`) {
		return
	}
	for r.dec.More() {
		r.readObject()
	}
	r.token()
}

// readObject reads one element of "prefixes".
func (r *jsonReader) readObject() {
	start := r.next()
	if !r.enter(start, '{', `each of "prefixes" must be an object`) {
		return
	}
	found := false
	for r.dec.More() {
		switch r.token() {
		case "ipv4Prefix":
			found = true
			r.readValue(true)
		case "ipv6Prefix":
			found = true
			r.readValue(false)
		default:
			r.skip()
		}
	}
	r.token()
	if !found {
		r.refuse(start, notAList(`this object holds neither "ipv4Prefix" nor "ipv6Prefix"`))
	}
}

// readValue reads the value of "ipv4Prefix" or "ipv6Prefix".
func (r *jsonReader) readValue(is4 bool) {
	at := r.next()
	if r.text[r.offset] != '"' {
		r.skip()
		r.refuse(at, notAList("a prefix must be a string"))
		return
	}
	entry := r.token().(string)
	if p, ok := accept(entry); ok && p.Addr().Is4() != is4 {
		r.refuse(at, func() *SyntaxError { return otherFamily(entry, is4) })
	} else if !r.readPrefix(entry, at) {
		r.refuse(at, func() *SyntaxError { return explain(entry) })
	}
}

func otherFamily(entry string, is4 bool) *SyntaxError {
	if is4 {
		return &SyntaxError{CodeAddress, quote(entry) + " is not IPv4", `write it as "ipv6Prefix"`}
	}
	return &SyntaxError{CodeAddress, quote(entry) + " is not IPv6", `write it as "ipv4Prefix"`}
}

// enter reads the token that opens an object or array at the place. It skips a
// value of another kind, and refuses it in the given words.
func (r *jsonReader) enter(at place, open json.Delim, words string) bool {
	if r.text[r.offset] == byte(open) {
		r.token()
		return true
	}
	r.skip()
	r.refuse(at, notAList(words))
	return false
}

// next returns the place of the next token, which exists.
func (r *jsonReader) next() place {
	rest := r.text[r.dec.InputOffset():]
	return r.move(len(r.text) - len(strings.TrimLeft(rest, " \t\r\n,:")))
}

// move returns the place of an offset that is not before the last one. It
// counts the lines between the two only, so that a long list of bad entries
// takes no longer than a good one.
func (r *jsonReader) move(offset int) place {
	passed := r.text[r.offset:offset]
	r.line += strings.Count(passed, "\n")
	if i := strings.LastIndexByte(passed, '\n'); i >= 0 {
		r.lineStart = r.offset + i + 1
	}
	r.offset = offset
	return place{r.line + 1, offset - r.lineStart + 1}
}

// token reads the next token, which check has shown to be there.
func (r *jsonReader) token() json.Token {
	t, err := r.dec.Token()
	if err != nil {
		panic(fmt.Sprintf("netset: a token of well-formed JSON: %v", err))
	}
	return t
}

// skip passes over the next value, whatever it is.
func (r *jsonReader) skip() {
	for depth := 0; ; {
		switch r.token() {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return
		}
	}
}
