package tablefile

import (
	"fmt"
	"iter"
	"strings"
)

// Kind says what a line is.
type Kind uint8

// The kinds of lines. iptables-restore takes every line in a table that is none of
// the others for a command.
const (
	Blank   Kind = iota
	Comment      // "# …"
	Begin        // "*filter"
	Declare      // ":INPUT ACCEPT [0:0]"
	Command      // "-A INPUT …", with counters before it or without
	Commit       // "COMMIT"
)

// Line is one line of iptables-restore input: of a save, of a bundle, or of a file
// that a person may have written.
type Line struct {
	// Text is the whole line, line end included.
	Text string
	Kind Kind
	// Table is the table that the line begins, ends or is in; "" outside.
	Table string
	// Command is the word that says what a Command does, such as "-A".
	Command string
	// Chain is what a Declare declares and a Command is about; "" for all chains,
	// or for a line that says none.
	Chain string
	// Policy is that of a Declare: UserPolicy for a chain that is not built in.
	Policy string
	// Rule is what follows the chain of a Command, with the counters before it. The
	// Spec of an insertion begins with the rule's number where it has one. Of a
	// Declare it has the counters alone.
	Rule Rule

	spec int   // where in Text the rule's Spec begins
	odd  error // what iptables-save would not print
}

// String is the line without its end.
func (l Line) String() string { return strings.Trim(l.Text, blanks) }

// WithRule returns a Command with another rule. All that is before and behind
// the rule stays.
func (l Line) WithRule(r Rule) Line {
	l.Text = l.Text[:l.spec] + r.Spec + l.Text[l.spec+len(l.Rule.Spec):]
	l.Rule = r
	return l
}

// Lines returns the lines of a text in their order. Their texts together are the
// text.
func Lines(text string) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		table := ""
		for line := range strings.Lines(text) {
			l := ParseLine(line)
			if l.Kind != Begin {
				l.Table = table
			}
			if table = l.Table; l.Kind == Commit {
				table = ""
			}
			if !yield(l) {
				return
			}
		}
	}
}

// Keep returns the text without the lines that drop holds for.
func Keep(text []byte, drop func(Line) bool) []byte {
	kept := []byte{}
	for line := range Lines(string(text)) {
		if !drop(line) {
			kept = append(kept, line.Text...)
		}
	}
	return kept
}

// blanks part words, and may be at both ends of a line.
const blanks = " \t\r\n"

// ParseLine reads a line by itself, such as one of `iptables -S`: it knows no table
// but one that it begins.
func ParseLine(text string) Line {
	l := Line{Text: text}
	line := strings.Trim(text, blanks)
	switch {
	case line == "":
	case line[0] == '#':
		l.Kind = Comment
	case line[0] == '*':
		l.Kind, l.Table = Begin, strings.Trim(line[1:], blanks)
		if l.Table == "" || strings.ContainsAny(line[1:], blanks) {
			l.odd = fmt.Errorf("%s is not the name of a table", quote(line[1:]))
		}
	case line == "COMMIT":
		l.Kind = Commit
	case line[0] == ':':
		l.Kind = Declare
		l.declare(line[1:])
	default:
		l.Kind = Command
		l.command(line)
	}
	return l
}

// declare reads "NAME POLICY [packets:bytes]", in which the counters may be
// missing.
func (l *Line) declare(line string) {
	var rest string
	l.Chain, rest = word(line)
	l.Policy, rest = word(rest)
	if l.Chain == "" || l.Policy == "" {
		l.odd = fmt.Errorf("%s does not declare a chain and its policy", quote(":"+line))
	}
	if rest != "" && l.odd == nil {
		l.Rule.Packets, l.Rule.Bytes, rest, l.odd = counters(rest)
	}
	if rest != "" && l.odd == nil {
		l.odd = fmt.Errorf("%s follows the declaration of chain %s", quote(rest), quote(l.Chain))
	}
}

// command reads "[packets:bytes] -A CHAIN SPEC", in which the counters may be
// missing.
func (l *Line) command(line string) {
	rest := line
	if line[0] == '[' {
		var after string
		l.Rule.Packets, l.Rule.Bytes, after, l.odd = counters(line)
		if rest = after; l.odd != nil {
			_, rest = word(line)
		}
	}
	name, rest := word(rest)
	if !strings.HasPrefix(name, "-") {
		return
	}
	l.Command = name
	l.Chain, l.Rule.Spec = word(rest)
	l.spec = len(strings.TrimRight(l.Text, blanks)) - len(l.Rule.Spec)
}

// word cuts the first word off text, and the blanks after it.
func word(text string) (first, rest string) {
	i := strings.IndexAny(text, blanks)
	if i < 0 {
		return text, ""
	}
	return text[:i], strings.TrimLeft(text[i:], blanks)
}
