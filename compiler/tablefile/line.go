package tablefile

import "strings"

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
