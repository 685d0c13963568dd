// Package owned says what of a host's firewall is ours. This is the rule of safety:
// hardenctl changes and removes what is ours, and nothing else. Everything else is
// foreign, whether another program or a person has put it there. There is no list of
// other programs' names, and the kernel keeps no owner, so that what is ours can be
// seen on the thing itself:
//
//   - A chain is ours if its name begins with HARDENCTL-, and in a trial HARDENCTL_.
//     All rules in it are ours.
//   - A set is ours if its name begins with hardenctl-, and in a trial hardenctl_.
//   - Of a chain that is not ours, a rule is ours if it jumps to a chain of ours. It
//     is a hook. A rule that only names a set of ours is foreign.
//   - Of a built-in chain, the policy is ours if a profile states it. A profile states
//     DROP together with a hook, or neither. So DROP in a chain with a hook of ours is
//     what an earlier profile has stated (States): when the hook goes and does not come
//     back, the policy becomes ACCEPT, which is the kernel's own (Releases). DROP in a
//     chain without a hook of ours is foreign, and stays.
//
// Two things follow for what is foreign. Hooks come first in their chain (InPlace), so
// that a foreign rule can be behind ours and is never taken out for it; a profile can name
// chains of others to which jumps may come before them (Leading). And what
// foreign rules lean on stays: the kernel does not remove a set that a foreign rule or
// list names, and the plan says so.
//
// A file follows the same rule line by line (Line): every foreign line stays byte for
// byte. A jump to a chain of ours is ours however a person has written it: if it stayed
// and the chain went, the file would not load any more.
//
// plan, apply, trial, bootfiles, restore, generation and guard ask here, and decide
// nothing of this by themselves. The package is pure.
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

// ChainCopy returns the name of a chain's copy in a trial.
func ChainCopy(name string) string {
	return TrialChainPrefix + strings.TrimPrefix(name, ruleset.ChainPrefix)
}

// ChainOriginal undoes ChainCopy. Another name stays as it is.
func ChainOriginal(name string) string {
	return original(name, TrialChainPrefix, ruleset.ChainPrefix)
}

// SetCopy returns the name of a set's copy in a trial.
func SetCopy(name string) string {
	return TrialSetPrefix + strings.TrimPrefix(name, ruleset.SetPrefix)
}

// SetOriginal undoes SetCopy. Another name stays as it is.
func SetOriginal(name string) string { return original(name, TrialSetPrefix, ruleset.SetPrefix) }

func original(name, of, beside string) string {
	if rest, copied := strings.CutPrefix(name, of); copied {
		return beside + rest
	}
	return name
}

// Rule reports whether a rule of a chain that is not ours is ours: a hook.
func Rule(r tablefile.Rule) bool { return Chain(r.Target()) }

// Line reports whether a line of a rules file is ours: it is about a chain of ours, or
// adds a hook.
func Line(l tablefile.Line) bool { return Chain(l.Chain) || Rule(l.Rule) }
