package tablefile

import "strings"

// Edits of a rule change what they say and nothing else of its text. A rule that
// cannot be split stays as it is.

// Jump is the rule that sends every packet to a chain or a verdict.
func Jump(target string) Rule { return Rule{Spec: "-j " + target} }

// WithTarget returns the rule with another chain or target in the place of its
// own. It is for a jump: options of a target stay.
func (r Rule) WithTarget(target string) Rule {
	words, err := split(r.Spec)
	if at := verb(words); err == nil && at >= 0 {
		r.Spec = replace(r.Spec, words[at+1], target)
	}
	return r
}

// RenameSets returns the rule with the sets under other names that its matches and
// its target name.
func (r Rule) RenameSets(rename func(name string) string) Rule {
	words, err := split(r.Spec)
	if err != nil {
		return r
	}
	var renamed strings.Builder
	done := 0
	for i := range options(words) {
		if set := words[i+1]; namesSet[words[i].text] {
			renamed.WriteString(r.Spec[done:set.start] + rename(set.text) + gap(r.Spec, set))
			done = set.end
		}
	}
	r.Spec = renamed.String() + r.Spec[done:]
	return r
}

// SetMatch asks whether a set holds an address of the packet.
type SetMatch struct {
	Set       string
	Direction string // such as "src"
	Not       bool   // whether it asks that the set does not hold it
}

// String is the match as iptables-save prints it.
func (m SetMatch) String() string { return strings.Join(m.words(), " ") }

func (m SetMatch) words() []string {
	if m.Not {
		return []string{"-m", "set", "!", "--match-set", m.Set, m.Direction}
	}
	return []string{"-m", "set", "--match-set", m.Set, m.Direction}
}

// With returns the rule with a match more, the last before its target.
func (r Rule) With(m SetMatch) Rule {
	words, err := split(r.Spec)
	at := verb(words)
	switch {
	case err != nil:
	case at >= 0:
		r.Spec = r.Spec[:words[at].start] + m.String() + " " + r.Spec[words[at].start:]
	default:
		r.Spec = strings.TrimLeft(r.Spec+" "+m.String(), blanks)
	}
	return r
}

// Asks reports whether the rule has a match.
func (r Rule) Asks(m SetMatch) bool { return r.Without(m) != r }

// Without returns the rule without a match: without the first, if it has it twice.
func (r Rule) Without(m SetMatch) Rule {
	if !strings.Contains(r.Spec, m.Set) {
		return r
	}
	words, err := split(r.Spec)
	if err != nil {
		return r
	}
	for i := range options(words) {
		if !begins(words[i:], m.words()) {
			continue
		}
		switch end := i + len(m.words()); {
		case end < len(words):
			r.Spec = r.Spec[:words[i].start] + r.Spec[words[end].start:]
		case i > 0:
			r.Spec = r.Spec[:words[i-1].end]
		default:
			r.Spec = ""
		}
		return r
	}
	return r
}

// begins reports whether words begin with some.
func begins(words []token, with []string) bool {
	if len(words) < len(with) {
		return false
	}
	for i, text := range with {
		if words[i].text != text {
			return false
		}
	}
	return true
}

func replace(spec string, word token, by string) string {
	return spec[:word.start] + by + gap(spec, word) + spec[word.end:]
}

// gap is what has to part another word in the place of one from what follows: a closing
// quote may have done so.
func gap(spec string, word token) string {
	if word.end == len(spec) || strings.IndexByte(separators, spec[word.end]) >= 0 {
		return ""
	}
	return " "
}
