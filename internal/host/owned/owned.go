// Package owned says what on a host is ours: chains, sets, rules.
package owned

import (
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// What exists in a trial only carries these prefixes instead of ruleset's. They
// are as long, so that the longest name has room for them: a service's chain
// fills the 28 bytes that iptables gives it.
const (
	TrialChainPrefix = "HARDENCTL_"
	TrialSetPrefix   = "hardenctl_"
)

// Chain reports whether a chain is ours, by its name.
func Chain(name string) bool {
	return strings.HasPrefix(name, ruleset.ChainPrefix) || TrialChain(name)
}

// TrialChain reports whether a chain is one that a trial made.
func TrialChain(name string) bool { return strings.HasPrefix(name, TrialChainPrefix) }

// Set reports whether a set is ours, by its name.
func Set(name string) bool {
	return strings.HasPrefix(name, ruleset.SetPrefix) || TrialSet(name)
}

// TrialSet reports whether a set is one that a trial made.
func TrialSet(name string) bool { return strings.HasPrefix(name, TrialSetPrefix) }

// Rule reports whether a rule of a chain that is not ours is ours: only the jump
// to one of our chains is.
func Rule(r tablefile.Rule) bool { return Chain(r.Target()) }
