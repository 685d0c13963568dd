package tablefile

import (
	"iter"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// takesText are the match options whose value can be any word, even one that
// looks like an option: a comment "-j" is saved without quotes.
var takesText = map[string]bool{
	"--comment": true, "--string": true, "--hex-string": true,
	"--name": true, "--hashlimit-name": true, "--match-set": true,
	"-i": true, "-o": true, "--physdev-in": true, "--physdev-out": true,
}

// namesSet are the options of a match or a target whose value is a set.
var namesSet = map[string]bool{"--match-set": true, "--add-set": true, "--del-set": true, "--map-set": true}

// options yields the places of the words that may be options and have a value, in
// their order: none that is the value of one that takes text.
func options(words []token) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i+1 < len(words); i++ {
			if !yield(i) {
				return
			}
			if option := words[i].text; takesText[option] || namesSet[option] {
				i++
			}
		}
	}
}

// isVerb reports whether an option names a rule's target or chain.
func isVerb(option string) bool { return option == "-j" || option == "-g" }

// verb returns the place of the option that names the target; -1 if the rule has
// none.
func verb(words []token) int {
	for i := range options(words) {
		if isVerb(words[i].text) {
			return i
		}
	}
	return -1
}

// value returns the word after the first of some options. Target options are not
// looked at: the target ends the search.
func (r Rule) value(wanted ...string) string {
	words, err := split(r.Spec)
	if err != nil {
		return ""
	}
	for i := range options(words) {
		for _, option := range wanted {
			if words[i].text == option {
				return words[i+1].text
			}
		}
		if isVerb(words[i].text) {
			return ""
		}
	}
	return ""
}

// Numbered returns the number with which what an insertion or a deletion says begins, and
// the rule without it; 0 where it says none.
func (r Rule) Numbered() (number int, rule Rule) {
	first, rest := word(r.Spec)
	number, err := strconv.Atoi(first)
	if err != nil || number < 1 {
		return 0, r
	}
	r.Spec = rest
	return number, r
}

// Target returns the target or chain that the rule names with -j or -g, without
// the target's options; empty if the rule has none, or cannot be split.
func (r Rule) Target() string { return r.value("-j", "-g") }

// TargetOptions returns the words behind the target: its options and their values.
func (r Rule) TargetOptions() (options []string) {
	words, err := split(r.Spec)
	at := verb(words)
	if err != nil || at < 0 {
		return nil
	}
	for _, w := range words[at+2:] {
		options = append(options, w.text)
	}
	return options
}

// Comment returns the text of the rule's first comment match; empty if it has
// none, or cannot be split.
func (r Rule) Comment() string { return r.value("--comment") }

// Source returns the prefix that the rule compares the source with, whether it
// must be it or must not; empty for none.
func (r Rule) Source() string { return r.value("-s") }

// SourceRange returns the range "first-last" that the rule compares the source
// with; empty for none.
func (r Rule) SourceRange() string { return r.value("--src-range") }

// Destinations returns the prefix and the range "first-last" that the rule compares
// the destination with; each is empty for none.
func (r Rule) Destinations() (prefix, span string) { return r.value("-d"), r.value("--dst-range") }

// Protocol returns the protocol that the rule names; empty for none.
func (r Rule) Protocol() string { return r.value("-p") }

// DestinationPorts returns the ports that the rule compares the destination's
// with, as "22" or "22,8000:8100"; empty for none.
func (r Rule) DestinationPorts() string { return r.value("--dport", "--dports") }

// Ports are the ranges of DestinationPorts, of the rule's protocol.
func (r Rule) Ports() (ports []bundle.Port) {
	for text := range strings.SplitSeq(r.DestinationPorts(), ",") {
		if p, ok := portRange(text); ok {
			p.Protocol = r.Protocol()
			ports = append(ports, p)
		}
	}
	return ports
}

// portRange reads "80" or "1000:2000".
func portRange(text string) (p bundle.Port, ok bool) {
	first, last, isRange := strings.Cut(text, ":")
	if !isRange {
		last = first
	}
	low, err := strconv.ParseUint(first, 10, 16)
	high, err2 := strconv.ParseUint(last, 10, 16)
	return bundle.Port{First: uint16(low), Last: uint16(high)}, err == nil && err2 == nil
}

// UsesOfSet counts how often the rule names a set of that name.
func (r Rule) UsesOfSet(name string) int {
	if !strings.Contains(r.Spec, name) {
		return 0
	}
	n := 0
	for _, set := range r.Sets() {
		if set == name {
			n++
		}
	}
	return n
}

// Sets returns the sets that the matches and the target of the rule name, each as often
// as it is named.
func (r Rule) Sets() (names []string) {
	words, err := split(r.Spec)
	if err != nil {
		return nil
	}
	for i := range options(words) {
		if namesSet[words[i].text] {
			names = append(names, words[i+1].text)
		}
	}
	return names
}
