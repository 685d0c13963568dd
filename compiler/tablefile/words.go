package tablefile

import (
	"errors"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// errOpenQuote is what Words says of an odd quote. iptables-restore says
// nothing: it takes the rest of the rule, target included, for a part of the
// quoted word, so that the rule does nothing.
var errOpenQuote = errors.New(`a quote (") is not closed: iptables-restore would swallow the rest of the rule`)

// Words splits a rule's Spec into words as iptables-restore 1.8 does
// (add_param_to_argv in xshared.c): blanks separate; between double quotes
// nothing does, and a backslash there takes the next byte as it is; a closing
// quote ends the word, so that `"a"b` is two words and `""` an empty one.
// Outside quotes a backslash is an ordinary byte.
func Words(spec string) ([]string, error) {
	var words []string
	var word strings.Builder
	flush := func() {
		words = append(words, word.String())
		word.Reset()
	}
	for i := 0; i < len(spec); i++ {
		switch c := spec[i]; c {
		case '"':
			end := unquote(spec, i+1, &word)
			if end < 0 {
				return nil, errOpenQuote
			}
			i = end
			flush()
		case ' ', '\t', '\n':
			if word.Len() > 0 {
				flush()
			}
		default:
			word.WriteByte(c)
		}
	}
	if word.Len() > 0 {
		flush()
	}
	return words, nil
}

// unquote writes what stands from index i to the closing quote to word, and
// returns the index of that quote, or -1 if there is none.
func unquote(spec string, i int, word *strings.Builder) int {
	for ; i < len(spec); i++ {
		switch spec[i] {
		case '"':
			return i
		case '\\':
			if i++; i == len(spec) {
				return -1
			}
		}
		word.WriteByte(spec[i])
	}
	return -1
}

// takesText are the match options whose value can be any word, even one that
// looks like an option: a comment "-j" is saved without quotes.
var takesText = map[string]bool{
	"--comment": true, "--string": true, "--hex-string": true,
	"--name": true, "--hashlimit-name": true, "--match-set": true,
	"-i": true, "-o": true, "--physdev-in": true, "--physdev-out": true,
}

// Target returns the target or chain that the rule names with -j or -g, without
// the target's options; empty if the rule has none, or cannot be split.
func (r Rule) Target() string {
	return r.value(func(option string) bool { return option == "-j" || option == "-g" })
}

// Comment returns the text of the rule's first comment match; empty if it has
// none, or cannot be split.
func (r Rule) Comment() string {
	return r.value(func(option string) bool { return option == "--comment" })
}

// Source returns the prefix that the rule compares the source with, whether it
// must be it or must not; empty for none.
func (r Rule) Source() string {
	return r.value(func(option string) bool { return option == "-s" })
}

// SourceRange returns the range "first-last" that the rule compares the source
// with; empty for none.
func (r Rule) SourceRange() string {
	return r.value(func(option string) bool { return option == "--src-range" })
}

// Protocol returns the protocol that the rule names; empty for none.
func (r Rule) Protocol() string {
	return r.value(func(option string) bool { return option == "-p" })
}

// DestinationPorts returns the ports that the rule compares the destination's
// with, as "22" or "22,8000:8100"; empty for none.
func (r Rule) DestinationPorts() string {
	return r.value(func(option string) bool { return option == "--dport" || option == "--dports" })
}

// Ports are the ranges of DestinationPorts, of the rule's protocol.
func (r Rule) Ports() (ports []bundle.Port) {
	for text := range strings.SplitSeq(r.DestinationPorts(), ",") {
		first, last, isRange := strings.Cut(text, ":")
		if !isRange {
			last = first
		}
		low, err := strconv.ParseUint(first, 10, 16)
		high, err2 := strconv.ParseUint(last, 10, 16)
		if err == nil && err2 == nil {
			ports = append(ports, bundle.Port{Protocol: r.Protocol(), First: uint16(low), Last: uint16(high)})
		}
	}
	return ports
}

// namesSet are the options of a match or a target whose value is a set.
var namesSet = map[string]bool{"--match-set": true, "--add-set": true, "--del-set": true, "--map-set": true}

// UsesOfSet counts how often the rule names a set of that name.
func (r Rule) UsesOfSet(name string) int {
	if !strings.Contains(r.Spec, name) {
		return 0
	}
	words, err := Words(r.Spec)
	if err != nil {
		return 0
	}
	n := 0
	for i := 0; i+1 < len(words); i++ {
		switch {
		case namesSet[words[i]]:
			if i++; words[i] == name {
				n++
			}
		case takesText[words[i]]:
			i++
		}
	}
	return n
}

// value returns the word after the first option that is wanted. Target options
// are not looked at: the target ends the search.
func (r Rule) value(wanted func(option string) bool) string {
	words, err := Words(r.Spec)
	if err != nil {
		return ""
	}
	for i := 0; i+1 < len(words); i++ {
		switch {
		case wanted(words[i]):
			return words[i+1]
		case takesText[words[i]]:
			i++
		case words[i] == "-j", words[i] == "-g":
			return ""
		}
	}
	return ""
}
