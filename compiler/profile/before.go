package profile

import (
	"fmt"
	"slices"
	"strings"
)

// maxChain is what iptables takes for the name of a chain (XT_EXTENSION_MAXNAMELEN less its
// terminator).
const maxChain = 28

// ownChains is how the chains of a bundle begin (ruleset.ChainPrefix, and the copies that a
// trial makes).
var ownChains = []string{"HARDENCTL-", "HARDENCTL_"}

// targets are words behind -j that name no chain of another program: the built-in chains,
// to which nothing jumps, and what decides by itself.
var targets = []string{"INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING", "ACCEPT", "DROP", "REJECT", "RETURN", "QUEUE", "LOG"}

// chains reads the chains of other programs whose jumps may come before those of a bundle.
func (d *decoder) chains(to *[]Named) reader {
	return reader{"a list of chains", nil, func(n *node) {
		for _, element := range texts(n, `a list of chains such as ["f2b-*"]`, d.list) {
			name := element.scalar.(string)
			if f := chainFlaw(name); f != nil {
				d.add(f, element.value, element.path)
				continue
			}
			*to = append(*to, Named{Position: element.value, Name: name})
		}
	}}
}

// chainFlaw says why a name, or a beginning with "*", does not name chains of others.
func chainFlaw(name string) *flaw {
	beginning, many := strings.CutSuffix(name, "*")
	switch {
	case beginning == "" && many:
		return &flaw{Code: "bad-chain", Message: `"*" would be every chain`, Suggestion: `begin with what the chains of one program have in common, such as "f2b-*"`}
	case !isChain(beginning):
		return &flaw{Code: "bad-chain", Message: quote(name) + " is not the name of a chain",
			Suggestion: `iptables -S lists the chains of a host; "f2b-*" stands for all that begin with f2b-`}
	case slices.ContainsFunc(ownChains, func(own string) bool {
		return strings.HasPrefix(beginning, own) || many && strings.HasPrefix(own, beginning) && len(beginning) >= len("HARDENCTL")
	}):
		return &flaw{Code: "bad-chain", Message: quote(name) + " is a chain of hardenctl's own", Suggestion: "name a chain of another program"}
	case !many && slices.Contains(targets, name):
		return &flaw{Code: "bad-chain", Message: fmt.Sprintf("%s is not a chain to which another program jumps", quote(name)),
			Suggestion: `name the chain of the program, such as "f2b-*", not the one in which its jump is`}
	}
	return nil
}

// isChain reports whether a chain can have this name: what iptables takes, of the bytes
// that a rules file has without quotes.
func isChain(name string) bool {
	return name != "" && len(name) <= maxChain && name[0] != '-' && name[0] != '!' &&
		!strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'\*`, r) })
}
