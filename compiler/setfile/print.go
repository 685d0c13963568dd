package setfile

import (
	"slices"
	"strings"
)

// Set is how a set is made.
type Set struct {
	Name    string
	Type    string // such as "hash:net"
	Options []Option
}

// Entry is one member of a set.
type Entry struct {
	Set     string
	Element string // such as "192.0.2.0/24" or "192.0.2.1,tcp:22"
	Options []Option
}

// Option is a word with its value, or a word alone, such as "counters": Value is
// "" then. A quoted value keeps its quotes.
type Option struct{ Name, Value string }

// Words without a value behind a set, and behind an entry. Every other option has
// a value.
var (
	setFlags   = []string{"counters", "comment", "skbinfo", "forceadd"}
	entryFlags = []string{"nomatch"}
)

// String is the line that makes the set, without the end of line.
func (s Set) String() string { return write(Create, s.Name, s.Type, s.Options) }

// String is the line that adds the entry, without the end of line.
func (e Entry) String() string { return write(Add, e.Set, e.Element, e.Options) }

// AppendAdd appends the line that adds an element without options, and its end of line,
// as Entry prints it. The element is appended too: a million of them need no strings.
func AppendAdd(text []byte, set string, element func(text []byte) []byte) []byte {
	text = append(text, Add...)
	text = append(text, ' ')
	text = append(text, set...)
	text = element(append(text, ' '))
	return append(text, '\n')
}

// Value returns what an option says, and whether it is there.
func (s Set) Value(option string) (string, bool) { return value(s.Options, option) }

// Value returns what an option says, and whether it is there.
func (e Entry) Value(option string) (string, bool) { return value(e.Options, option) }

// Without returns the set without some of its options.
func (s Set) Without(names ...string) Set {
	s.Options = slices.DeleteFunc(slices.Clone(s.Options), func(o Option) bool { return slices.Contains(names, o.Name) })
	return s
}

func value(options []Option, name string) (string, bool) {
	for _, o := range options {
		if o.Name == name {
			return o.Value, true
		}
	}
	return "", false
}

func write(command, set, kind string, options []Option) string {
	words := []string{command, set, kind}
	for _, o := range options {
		words = append(words, o.Name)
		if o.Value != "" {
			words = append(words, o.Value)
		}
	}
	return strings.Join(words, " ")
}

// options reads words and their values. What is in double quotes is one value:
// ipset takes no quote inside (ipset(8), "comment").
func options(text string, flags []string) []Option {
	var all []Option
	for {
		var o Option
		if o.Name, text = skipOptions(text); o.Name == "" {
			return all
		}
		if !slices.Contains(flags, o.Name) {
			o.Value, text = cutValue(text)
		}
		all = append(all, o)
	}
}

func cutValue(text string) (value, rest string) {
	text = strings.TrimLeft(text, blanks)
	if strings.HasPrefix(text, `"`) {
		if end := strings.IndexByte(text[1:], '"'); end >= 0 {
			return text[:end+2], text[end+2:]
		}
	}
	return cutWord(text)
}
