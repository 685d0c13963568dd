package restore

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// part is lines of a file that are loaded together or not at all.
type part struct {
	text  string // of the first line
	lines []int  // numbers, from 1
}

// leftOut is a part that cannot be loaded.
type leftOut struct {
	part
	why error
}

// String names the line, and says why it was left out: in the tool's words, where it
// has any.
func (l leftOut) String() string {
	why := l.why.Error()
	if said := new(*tool.Error); errors.As(l.why, said) && (*said).Words != "" {
		why = strings.ReplaceAll((*said).Words, "\n", "; ")
	}
	at := fmt.Sprintf("line %d: %s", l.lines[0], l.text)
	if more := len(l.lines) - 1; more > 0 {
		at += " (and " + count(more, "line") + " about it)"
	}
	return at + ": " + why
}

// linesOf is a text with the lines of parts alone. The others are empty, so that a tool
// names a line by its number in the file.
func linesOf(text []byte, parts []part) []byte {
	var keep []int
	for _, p := range parts {
		keep = append(keep, p.lines...)
	}
	slices.Sort(keep)
	var kept []byte
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if len(keep) > 0 && keep[0] == n {
			kept, keep = append(kept, line...), keep[1:]
			continue
		}
		kept = append(kept, '\n')
	}
	return kept
}

// sieve parts what can be loaded from what cannot.
type sieve struct {
	try  func(parts []part) error // with those that are kept
	kept []part
	left []leftOut

	tries int
}

// maxTries bounds how long a boot waits for lines of others: a try takes a tenth of a
// second. What is not tried by then is left out.
const maxTries = 150

// keep keeps those of some parts that can be loaded with what is kept already. The tool
// says which line it refuses; where it says only that it refuses the whole, the half
// with that line is looked for.
func (s *sieve) keep(parts []part) {
	if len(parts) == 0 {
		return
	}
	err := errors.New("too many lines before it were refused")
	if s.tries++; s.tries <= maxTries {
		err = s.try(slices.Concat(s.kept, parts))
	}
	at := refusedPart(parts, err)
	switch half := len(parts) / 2; {
	case err == nil:
		s.kept = append(s.kept, parts...)
	case len(parts) == 1:
		s.left = append(s.left, leftOut{parts[0], err})
	case at >= 0:
		s.left = append(s.left, leftOut{parts[at], err})
		s.keep(slices.Delete(slices.Clone(parts), at, at+1))
	default:
		s.keep(parts[:half])
		s.keep(parts[half:])
	}
}

// refusedPart returns which part has the line that a tool refuses; -1 if it names none.
func refusedPart(parts []part, err error) int {
	var said *tool.Error
	if !errors.As(err, &said) {
		return -1
	}
	return slices.IndexFunc(parts, func(p part) bool { return slices.Contains(p.lines, said.Line) })
}
