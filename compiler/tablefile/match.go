package tablefile

import (
	"slices"
	"strings"
)

// Match is one question that a rule asks of a packet: a match with its options, such
// as "-m tcp --dport 22", or an option of iptables' own, such as "-s 192.0.2.0/24".
type Match struct {
	// Name is that of the match; "" for an option of iptables' own.
	Name string
	// Words are the options and their values, each with the "!" before it.
	Words []string
}

// String is the question in the words of the rule.
func (m Match) String() string {
	if m.Name == "" {
		return strings.Join(m.Words, " ")
	}
	return strings.Join(append([]string{"-m", m.Name}, m.Words...), " ")
}

// own are the options that iptables knows without a match.
var own = map[string]bool{"-p": true, "-s": true, "-d": true, "-i": true, "-o": true}

// Matches returns what a rule asks, in its order. The error is that of Words; what is
// asked before the open quote is returned.
func (r Rule) Matches() (all []Match, err error) {
	words, err := split(r.Spec)
	end := len(words)
	if at := verb(words); at >= 0 {
		end = at
	}
	for i := 0; i < end; i++ {
		word := words[i].text
		if word == "-m" && i+1 < end {
			i++
			all = append(all, Match{Name: words[i].text})
			continue
		}
		if word == "!" && i+1 < end && own[words[i+1].text] || own[word] && (i == 0 || words[i-1].text != "!") || all == nil {
			all = append(all, Match{})
		}
		last := &all[len(all)-1]
		last.Words = append(last.Words, word)
		if takesText[word] && i+1 < end {
			i++
			last.Words = append(last.Words, words[i].text)
		}
	}
	return all, err
}

// HasMatch reports whether a rule has a match that not every packet passes: another than
// a comment. The rule may be one that cannot be split.
func (r Rule) HasMatch() bool {
	asked, _ := r.Matches()
	return slices.ContainsFunc(asked, func(m Match) bool { return m.Name != "" && m.Name != "comment" })
}

// Extensions returns the names of the matches that a rule is written with, and its
// target.
func (r Rule) Extensions() (matches []string, target string) {
	asked, err := r.Matches()
	if err != nil {
		return nil, ""
	}
	for _, m := range asked {
		if m.Name != "" {
			matches = append(matches, m.Name)
		}
	}
	return matches, r.Target()
}
