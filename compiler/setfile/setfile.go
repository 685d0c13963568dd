// Package setfile reads and prints text of `ipset restore`: what `ipset save`
// prints, what a bundle's file ipsets holds, and what a person may have written
// (ipset(8), "restore"). Each line is one command.
//
// A file can hold a million entries, so a Line is cut from the text without a
// copy, and its options are read only when they are asked for. Nothing is lost:
// a set type, an option or a line that this package does not know is kept as it
// is written.
package setfile

import (
	"iter"
	"slices"
	"strings"
)

// Commands that this package reads more of than the name of the set.
const (
	Create = "create"
	Add    = "add"
)

// Line is one line of the text.
type Line struct {
	// Text is the whole line, line end included.
	Text string
	// Command is Create or Add, however it is spelled; the word itself for another
	// command; "" for a comment or an empty line.
	Command string
	// Set is the set that the command is about: the first one where it names two.
	Set string
	// rest is what follows the name of the set.
	rest string
}

// Lines returns the lines of a text in their order.
func Lines(text string) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		for line := range strings.Lines(text) {
			if !yield(parse(line)) {
				return
			}
		}
	}
}

func parse(text string) Line {
	l := Line{Text: text}
	word, rest := skipOptions(text)
	if word == "" || word[0] == '#' {
		return l
	}
	l.Command = command(word)
	l.Set, l.rest = skipOptions(rest)
	return l
}

// anywhere are the options of ipset(8) that may be before and behind a command.
var anywhere = []string{"-!", "-exist", "--exist", "-q", "-quiet", "--quiet", "-r", "-resolve", "--resolve", "-s", "-sorted", "--sorted"}

// skipOptions returns the first word that is none of them, and what follows it.
func skipOptions(text string) (word, rest string) {
	for {
		word, rest = cutWord(text)
		if word == "" || word[0] != '-' || !slices.Contains(anywhere, word) {
			return word, rest
		}
		text = rest
	}
}

// blanks part words.
const blanks = " \t\r\n"

func cutWord(text string) (word, rest string) {
	text = strings.TrimLeft(text, blanks)
	if end := strings.IndexAny(text, blanks); end >= 0 {
		return text[:end], text[end+1:]
	}
	return text, ""
}

// command tells a command by any of its spellings: ipset 7 takes the older -N and
// -A, two leading dashes, and a word that is cut short (ipset_match_cmd of ipset's
// lib/ipset.c).
func command(word string) string {
	switch word {
	case Create, Add:
		return word
	case "-N", "new":
		return Create
	case "-A":
		return Add
	}
	short := strings.TrimPrefix(word, "--")
	for _, name := range []string{Create, Add} {
		if short != "" && strings.HasPrefix(name, short) {
			return name
		}
	}
	return word
}

// Declared returns how a Create line makes its set.
func (l Line) Declared() Set {
	s := Set{Name: l.Set}
	s.Type, l.rest = skipOptions(l.rest)
	s.Options = options(l.rest, setFlags)
	return s
}

// Entry returns what an Add line adds.
func (l Line) Entry() Entry {
	e := Entry{Set: l.Set}
	e.Element, l.rest = skipOptions(l.rest)
	e.Options = options(l.rest, entryFlags)
	return e
}

// Sets returns the sets that a text creates, in its order.
func Sets(text []byte) []Set {
	var sets []Set
	for line := range Lines(string(text)) {
		if line.Command == Create {
			sets = append(sets, line.Declared())
		}
	}
	return sets
}

// Keep returns the text without the lines about the sets that drop holds for.
// Lines about no set stay.
func Keep(text []byte, drop func(set string) bool) []byte {
	kept := []byte{}
	for line := range Lines(string(text)) {
		if line.Set == "" || !drop(line.Set) {
			kept = append(kept, line.Text...)
		}
	}
	return kept
}

// Creates returns the lines of a text that create sets. The other lines are empty, so
// that a tool names a line by its number.
func Creates(text []byte) []byte {
	kept := []byte{}
	for line := range Lines(string(text)) {
		if line.Command != Create {
			line.Text = "\n"
		}
		kept = append(kept, line.Text...)
	}
	return kept
}
