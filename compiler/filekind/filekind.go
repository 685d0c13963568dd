// Package filekind tells the kinds of file that hardenctl reads from one another,
// by their text. It is for messages: a file that was given in the place of
// another kind is named as what it is.
package filekind

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/netset"
)

// Kind is what a file is, as a message names it: "a profile".
type Kind string

// The kinds. Unknown is everything else, also a file that was cut off.
const (
	Unknown    Kind = ""
	Profile    Kind = "a profile"
	SavedPlan  Kind = "a saved plan"
	ShownPlan  Kind = "the JSON output of plan or apply"
	Manifest   Kind = "the manifest of a bundle"
	Journal    Kind = "the journal of an apply"
	Generation Kind = "the record of a generation"
	List       Kind = "a list of addresses"
	Rules      Kind = "a rules file of iptables-restore"
	Sets       Kind = "a file of ipset restore"
)

// byKeys are the keys at the top of the kinds that are JSON. A saved plan has a
// manifest in it, and comes before one.
var byKeys = []struct {
	kind Kind
	keys []string
}{
	{SavedPlan, []string{"fingerprint", "plan", "manifest"}},
	{ShownPlan, []string{"changes", "untouched"}},
	{Journal, []string{"phase", "deadline"}},
	{Generation, []string{"when", "command"}},
	{Manifest, []string{"files", "rules", "sets"}},
	{List, []string{"prefixes"}},
}

// byLine are the kinds that the first line of a text gives away, blank lines and
// comments apart.
var byLine = []struct {
	kind Kind
	line *regexp.Regexp
}{
	{Profile, regexp.MustCompile(`^(version|include|description)\s*=`)},
	{Profile, regexp.MustCompile(`^(\[+\s*)?(policy|sets|access|services|knocks|scan|icmp|udp|log|fail2ban|kernel|nics)\s*[].=]`)},
	{Rules, regexp.MustCompile(`^\*(filter|raw|mangle|nat|security)$`)},
	{Sets, regexp.MustCompile(`^(create|add|flush) [A-Za-z0-9_-]+`)},
}

// Of returns the kind of file that a text is.
func Of(text []byte) Kind {
	words := trimmed(text)
	if IsJSON(text) {
		return ofJSON(words)
	}
	line := firstLine(words)
	for _, k := range byLine {
		if k.line.MatchString(line) {
			return k.kind
		}
	}
	if isEntry(line) {
		return List
	}
	return Unknown
}

// IsJSON reports whether a text begins as a JSON object does.
func IsJSON(text []byte) bool { return strings.HasPrefix(trimmed(text), "{") }

// trimmed is a text without the byte order mark and the blanks around it.
func trimmed(text []byte) string {
	return strings.TrimSpace(strings.TrimPrefix(string(text), "\uFEFF"))
}

func ofJSON(text string) Kind {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &object) != nil {
		return Unknown
	}
	for _, k := range byKeys {
		missing := func(key string) bool { return object[key] == nil }
		if !slices.ContainsFunc(k.keys, missing) {
			return k.kind
		}
	}
	return Unknown
}

// firstLine returns the first line that is neither blank nor a comment.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && line[0] != ';' {
			return line
		}
	}
	return ""
}

// isEntry reports whether a line begins as one of a list does.
func isEntry(line string) bool {
	entry := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t#;-", r) })
	if len(entry) == 0 {
		return false
	}
	_, err := netset.ParsePrefix(entry[0])
	return err == nil
}
