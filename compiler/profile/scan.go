package profile

import "strings"

// The scanner finds where things are in a TOML file: the library that gives
// the values knows no positions. It cuts a file into statements and each
// statement into keys and values, and leaves to the library whether a value is
// good. It accepts whatever the library accepts; FuzzScan holds that.

// maxDepth is how deep keys, tables and arrays may nest. The language needs
// four; the library works in time that is quadratic in the depth of a key.
const maxDepth = 32

// maxKey is the longest part of a key in bytes. The library writes out the
// whole key once for each value below it.
const maxKey = 128

// statement is one header or one key with its value.
type statement struct {
	start, end int // bytes of the file, without the line's end
	shape      shape
	key        []part
	value      value // zero for a header
	fault      fault
}

// shape says what kind of statement it is.
type shape uint8

const (
	keyValue      shape = iota // key = value
	tableHeader                // [key]
	elementHeader              // [[key]]
)

// fault says why the scanner gave a statement up.
type fault uint8

const (
	sound   fault = iota
	unsound       // not TOML; the library knows the words for it
	tooDeep
	tooLong
)

// part is one part of a dotted key.
type part struct {
	name string
	at   int
}

// value is one value with what it holds.
type value struct {
	at       int
	kind     kind // scalar, array or table
	elements []value
	pairs    []pair
}

// pair is a key and its value in an inline table.
type pair struct {
	key   []part
	value value
}

type scanner struct {
	text  string
	pos   int
	depth int
	fault fault
	// lost says that a block string had no end. The file is broken then, and
	// later block strings are followed for blockReach bytes only, or a file of
	// nothing but quotes would take quadratic time.
	lost bool
}

const blockReach = 1 << 10

// scan cuts text, which must be free of control characters and invalid UTF-8,
// into statements.
func scan(text string) []statement {
	s := scanner{text: text}
	var found []statement
	for s.skipLines(); s.pos < len(text); s.skipLines() {
		found = append(found, s.statement())
	}
	return found
}

func (s *scanner) statement() statement {
	s.depth, s.fault = 0, sound
	st := statement{start: s.pos}
	if s.peek() == '[' {
		s.header(&st)
	} else {
		s.keyValue(&st)
	}
	st.end = s.pos
	if s.lineEnds() {
		return st
	}
	if s.fault == sound {
		s.fault = unsound
	}
	s.recover(st.start)
	st.fault, st.end = s.fault, s.pos
	return st
}

// header scans [key] or [[key]].
func (s *scanner) header(st *statement) {
	brackets := 1
	st.shape = tableHeader
	if strings.HasPrefix(s.text[s.pos:], "[[") {
		brackets, st.shape = 2, elementHeader
	}
	s.pos += brackets
	st.key = s.keyPath()
	if !strings.HasPrefix(s.text[s.pos:], "]]"[:brackets]) {
		s.fail(unsound)
		return
	}
	s.pos += brackets
}

func (s *scanner) keyValue(st *statement) {
	st.key = s.keyPath()
	if !s.take('=') {
		s.fail(unsound)
		return
	}
	s.skipBlanks()
	st.value = s.value()
}

// keyPath scans a dotted key and the blanks around it.
func (s *scanner) keyPath() []part {
	var key []part
	for {
		s.skipBlanks()
		p, ok := s.part()
		if !ok {
			s.fail(unsound)
			return key
		}
		key = append(key, p)
		s.skipBlanks()
		if len(key) > maxDepth {
			s.fail(tooDeep)
		}
		if s.fault != sound || !s.take('.') {
			return key
		}
	}
}

func (s *scanner) part() (part, bool) {
	p := part{at: s.pos}
	switch s.peek() {
	case '"', '\'':
		if !s.lineString() {
			return p, false
		}
		p.name = unquote(s.text[p.at:s.pos])
	default:
		s.skip(isBareKey)
		p.name = s.text[p.at:s.pos]
	}
	if s.pos-p.at > maxKey {
		p.name = p.name[:min(len(p.name), maxKey)]
		s.fail(tooLong)
	}
	return p, s.pos > p.at
}

// value scans a value. Where it fails, the fault is set.
func (s *scanner) value() value {
	v := value{at: s.pos}
	if s.depth++; s.depth > maxDepth {
		s.fail(tooDeep)
	}
	switch {
	case s.fault != sound:
	case s.peek() == '[':
		v.kind = kindArray
		s.pos++
		v.elements = s.elements()
	case s.peek() == '{':
		v.kind = kindTable
		s.pos++
		v.pairs = s.pairs()
	case s.peek() == '"', s.peek() == '\'':
		s.quoted()
	default:
		s.bare()
	}
	s.depth--
	return v
}

// elements scans an array behind its bracket.
func (s *scanner) elements() []value {
	var found []value
	for {
		s.skipLines()
		if s.take(']') {
			return found
		}
		found = append(found, s.value())
		if s.fault != sound || s.separated(']') {
			return found
		}
	}
}

// pairs scans an inline table behind its brace.
func (s *scanner) pairs() []pair {
	var found []pair
	for {
		s.skipLines()
		if s.take('}') {
			return found
		}
		p := pair{key: s.keyPath()}
		if !s.take('=') {
			s.fail(unsound)
			return found
		}
		s.skipBlanks()
		p.value = s.value()
		found = append(found, p)
		if s.fault != sound || s.separated('}') {
			return found
		}
	}
}

// separated scans what is behind an element: a comma, or the closing
// bracket, which ends the list. Anything else is a fault and ends it too.
func (s *scanner) separated(closing byte) (end bool) {
	s.skipLines()
	if s.take(',') {
		return false
	}
	if !s.take(closing) {
		s.fail(unsound)
	}
	return true
}

// bare scans a number, a time, true or false. A date and a time may have one
// space between them.
func (s *scanner) bare() {
	start := s.pos
	s.skip(isBareValue)
	switch word := s.text[start:s.pos]; {
	case word == "true", word == "false", word == "inf", word == "nan":
	case word == "", !strings.ContainsRune("+-0123456789", rune(word[0])):
		s.pos = start
		s.fail(unsound)
	case len(word) == len("2006-01-02") && word[4] == '-' && s.digitBehindSpace():
		s.pos++
		s.skip(isBareValue)
	}
}

func (s *scanner) digitBehindSpace() bool {
	rest := s.text[s.pos:]
	return len(rest) > 1 && rest[0] == ' ' && '0' <= rest[1] && rest[1] <= '9'
}

// quoted scans a string of one line or of several.
func (s *scanner) quoted() {
	start, quote := s.pos, s.peek()
	ok := false
	if strings.HasPrefix(s.text[s.pos:], strings.Repeat(string(quote), 3)) {
		ok = s.blockString(quote)
	} else {
		ok = s.lineString()
	}
	if !ok {
		s.pos = start
		s.fail(unsound)
	}
}

// lineString scans a quoted string and reports whether it ends on its line.
func (s *scanner) lineString() bool {
	quote := s.peek()
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == '\n':
			return false
		case c == quote:
			s.pos++
			return true
		case c == '\\' && quote == '"' && !strings.HasPrefix(s.text[s.pos+1:], "\n"):
			s.pos++
		}
	}
	s.pos = min(s.pos, len(s.text))
	return false
}

// blockString scans a string in three quotes. Up to two quotes may be
// before the three that end it.
func (s *scanner) blockString(quote byte) bool {
	limit := len(s.text)
	if s.lost {
		limit = min(limit, s.pos+blockReach)
	}
	for s.pos += 3; s.pos < limit; {
		switch c := s.text[s.pos]; {
		case c == '\\' && quote == '"':
			s.pos += 2
		case c == quote:
			run := s.pos
			s.skip(func(c byte) bool { return c == quote })
			if n := s.pos - run; n >= 3 {
				return n <= 5
			}
		default:
			s.pos++
		}
	}
	s.pos, s.lost = min(s.pos, len(s.text)), true
	return false
}

// lineEnds reports whether only blanks and a comment are before the next
// line, without moving.
func (s *scanner) lineEnds() bool {
	if s.fault != sound {
		return false
	}
	rest := strings.TrimLeft(s.text[s.pos:], " \t")
	return rest == "" || rest[0] == '\n' || rest[0] == '#' || strings.HasPrefix(rest, "\r\n")
}

// skipLines passes blanks, line ends and comments.
func (s *scanner) skipLines() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		case '#':
			s.skip(func(c byte) bool { return c != '\n' })
		default:
			return
		}
	}
}

func (s *scanner) skipBlanks() { s.skip(func(c byte) bool { return c == ' ' || c == '\t' }) }

func (s *scanner) skip(pass func(byte) bool) {
	for s.pos < len(s.text) && pass(s.text[s.pos]) {
		s.pos++
	}
}

// peek returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.pos == len(s.text) {
		return false
	}
	s.pos++
	return true
}

// fail records the first fault of a statement.
func (s *scanner) fail(f fault) {
	if s.fault == sound {
		s.fault = f
	}
}

func isBareKey(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

func isBareValue(c byte) bool { return isBareKey(c) || c == '+' || c == '.' || c == ':' }
