package tablefile

import (
	"errors"
	"strings"
)

// separators part the words of a rule. A carriage return is part of a word.
const separators = " \t\n"

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
	split, err := split(spec)
	if err != nil || split == nil {
		return nil, err
	}
	words := make([]string, len(split))
	for i, w := range split {
		words[i] = w.text
	}
	return words, nil
}

// token is a word of a Spec and its place there, quotes included.
type token struct {
	text       string
	start, end int
}

// split is Words. With an error it returns the words before the open quote.
func split(spec string) ([]token, error) {
	tokens := make([]token, 0, 1+strings.Count(spec, " "))
	for i := 0; i < len(spec); {
		if strings.IndexByte(separators, spec[i]) >= 0 {
			i++
			continue
		}
		t, closed := cutToken(spec, i)
		if !closed {
			return tokens, errOpenQuote
		}
		tokens = append(tokens, t)
		i = t.end
	}
	return tokens, nil
}

// cutToken returns the word that begins at index i, and whether no quote in it is
// open.
func cutToken(spec string, i int) (t token, closed bool) {
	t.start, t.end = i, i
	for t.end < len(spec) && spec[t.end] != '"' && strings.IndexByte(separators, spec[t.end]) < 0 {
		t.end++
	}
	t.text = spec[i:t.end]
	if t.end == len(spec) || spec[t.end] != '"' {
		return t, true
	}
	quoted, end := unquote(spec, t.end+1)
	t.text, t.end = t.text+quoted, end+1
	return t, end >= 0
}

// unquote returns what is from index i to the closing quote, and the index of
// that quote, or -1 if there is none.
func unquote(spec string, i int) (text string, end int) {
	var b strings.Builder
	for ; i < len(spec); i++ {
		switch spec[i] {
		case '"':
			return b.String(), i
		case '\\':
			if i++; i == len(spec) {
				return "", -1
			}
		}
		b.WriteByte(spec[i])
	}
	return "", -1
}

// bare are the characters of a value that iptables-save prints without quotes
// (xtables_save_string in iptables' libxtables).
const bare = "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// escaped has a backslash before what ends or escapes a quoted value.
var escaped = strings.NewReplacer(`"`, `\"`, `'`, `\'`, `\`, `\\`)

// Quote writes a value of a rule as xtables_save_string does: bare if it can be,
// else in double quotes with a backslash before a quote or a backslash. Newlines
// and NULs have no escape in a restore file.
func Quote(value string) string {
	if value != "" && strings.Trim(value, bare) == "" {
		return value
	}
	return `"` + escaped.Replace(value) + `"`
}
