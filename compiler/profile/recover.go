package profile

import (
	"regexp"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
)

// opening is what the first line of a statement looks like. It serves to find
// the next statement behind a broken one, nothing else: it is large, and made when it is needed.
var opening = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[ \t]*(?:[A-Za-z0-9_."'-]{1,200}[ \t]*=|\[{1,2}[ \t]*[A-Za-z][A-Za-z0-9_."' -]{0,200}\]{1,2}[ \t]*\r?(?:#|\n|$))`)
})

// recover moves behind a broken statement that began at start, so that the
// rest of the file is still read: to the end of the line on which no bracket
// is open any more, or before the first line that looks like a statement.
func (s *scanner) recover(start int) {
	s.pos = start
	s.skipBroken()
	s.pos = start + len(strings.TrimRight(s.text[start:s.pos], " \t\r\n"))
}

// skipBroken passes the lines of a broken statement.
func (s *scanner) skipBroken() {
	open := 0
	for {
		open += s.skipBrokenLine()
		if s.pos >= len(s.text) || open <= 0 {
			return
		}
		s.pos++
		if opening().MatchString(window(s.text[s.pos:])) {
			return
		}
	}
}

// skipBrokenLine passes the rest of a line and returns how many brackets it
// opens more than it closes. A string that does not end ends with its line; a
// block string that does not end counts as a bracket.
func (s *scanner) skipBrokenLine() (open int) {
	for s.pos < len(s.text) && s.peek() != '\n' {
		switch c := s.peek(); c {
		case '[', '{':
			open++
		case ']', '}':
			open--
		case '#':
			s.skip(func(c byte) bool { return c != '\n' })
			continue
		case '"', '\'':
			open += s.skipBrokenString(c)
			continue
		}
		s.pos++
	}
	return open
}

func (s *scanner) skipBrokenString(quote byte) (open int) {
	start := s.pos
	if !strings.HasPrefix(s.text[s.pos:], strings.Repeat(string(quote), 3)) {
		s.lineString()
		return 0
	}
	if s.blockString(quote) {
		return 0
	}
	s.pos = start + 3
	return 1
}

// window is as much of text as the opening of a statement may take.
func window(text string) string { return text[:min(len(text), 512)] }

// unquote returns the key that a quoted part means. Escapes are rare in
// keys, so the library decodes them.
func unquote(quoted string) string {
	inner := quoted[1 : len(quoted)-1]
	if quoted[0] == '\'' || !strings.Contains(inner, `\`) {
		return inner
	}
	var decoded struct{ Key string }
	if _, err := toml.Decode("Key = "+quoted, &decoded); err != nil {
		return inner // the library will say what is wrong with it
	}
	return decoded.Key
}
