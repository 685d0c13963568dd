package owned

import (
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// Leading are chains of others in one table, by name: jumps to them may come before our
// hooks.
type Leading map[string]bool

// LeadingIn returns the chains of a table that patterns name: whole names, and beginnings
// with "*" behind them. A chain of ours is never among them, nor is a target that is no
// chain, such as DROP.
func LeadingIn(t tablefile.Table, patterns []string) Leading {
	leading := Leading{}
	for _, c := range t.Chains {
		if !Chain(c.Name) && !c.BuiltIn() && Named(patterns, c.Name) {
			leading[c.Name] = true
		}
	}
	return leading
}

// Named reports whether one of some patterns names a chain.
func Named(patterns []string, chain string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		beginning, many := strings.CutSuffix(p, "*")
		return p == chain || many && strings.HasPrefix(chain, beginning)
	})
}

// Before counts the rules at the beginning of a chain that stay before our hooks: leading
// jumps, up to the first hook. Any other rule of others comes behind the hooks.
func (l Leading) Before(rules []tablefile.Rule) int {
	n := slices.IndexFunc(rules, func(r tablefile.Rule) bool { return Rule(r) || !l[r.Target()] })
	if n < 0 {
		return len(rules)
	}
	return n
}

// Place returns the rules of a chain that is not ours with the hooks that are wanted: those
// of others in their order, and the hooks where leading jumps let them be. Hooks that
// come among leading jumps, or before them, keep their place.
func Place(have, want []tablefile.Rule, leading Leading) []tablefile.Rule {
	before := leading.Before(have)
	behind := slices.DeleteFunc(slices.Clone(have[before:]), Rule)
	return slices.Concat(have[:before], want, behind)
}

// Placed returns a table that is wanted with the rules of others that the host has in the
// chains of our hooks.
func Placed(have, want tablefile.Table, patterns []string) tablefile.Table {
	leading := LeadingIn(have, patterns)
	want.Chains = slices.Clone(want.Chains)
	for i, c := range want.Chains {
		if there := have.Chain(c.Name); there != nil && !Chain(c.Name) {
			want.Chains[i].Rules = Place(there.Rules, c.Rules, leading)
		}
	}
	return want
}
