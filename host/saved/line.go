package saved

import (
	"slices"
	"strings"
)

// ChainOf returns the chain that a line of iptables-restore input declares, or
// that its command (-A, -I, -F, …) is about; "" for any other line, such as a
// comment. It takes lines that a person may have written, and with counters.
func ChainOf(line string) string {
	words := strings.Fields(line)
	if len(words) > 0 && strings.HasPrefix(words[0], "[") {
		words = words[1:] // counters, as iptables-save -c prints them
	}
	switch {
	case len(words) > 0 && strings.HasPrefix(words[0], ":"):
		return words[0][1:]
	case len(words) > 1 && strings.HasPrefix(words[0], "-"):
		return words[1]
	}
	return ""
}

// setOptions are the options of ipset(8) that a line may have before and behind
// its command.
var setOptions = []string{"-!", "-exist", "--exist", "-q", "-quiet", "--quiet", "-r", "-resolve", "--resolve", "-s", "-sorted", "--sorted"}

// SetOf returns the set that a line of `ipset restore` input is about: that of its
// command (create, add, flush, …), the first one where it names two; "" for any
// other line, such as a comment. It takes lines that a person may have written.
func SetOf(line string) string {
	words := slices.DeleteFunc(strings.Fields(line), func(word string) bool { return slices.Contains(setOptions, word) })
	if len(words) < 2 || strings.HasPrefix(words[0], "#") {
		return ""
	}
	return words[1]
}
