package owned

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// Hook is a hook and its place in its chain.
type Hook struct {
	Number int            // from 1
	Rule   tablefile.Rule // without what it has counted
}

// Hooks returns the hooks in a chain that is not ours; none for nil.
func Hooks(c *tablefile.Chain) (hooks []Hook) {
	if c == nil {
		return nil
	}
	for i, r := range c.Rules {
		if Rule(r) {
			hooks = append(hooks, Hook{i + 1, tablefile.Rule{Spec: r.Spec}})
		}
	}
	return hooks
}

// Hooked reports whether a chain that is not ours has a hook; false for nil.
func Hooked(c *tablefile.Chain) bool { return c != nil && slices.ContainsFunc(c.Rules, Rule) }

// First reports whether the first rule of a chain that is not ours is a hook; false for
// nil.
func First(c *tablefile.Chain) bool { return c != nil && len(c.Rules) > 0 && Rule(c.Rules[0]) }

// InPlace reports whether the hooks in a chain that is not ours are those wanted, in their
// order, and come before all rules of others but leading jumps.
func InPlace(have, want []tablefile.Rule, leading Leading) bool {
	return tablefile.SameRules(have, Place(have, want, leading))
}

// Part returns a table with what is ours and nothing else: our chains, the built-in
// chains, and any other with a hook; these have nothing but their hooks.
func Part(t tablefile.Table) tablefile.Table {
	part := tablefile.Table{Name: t.Name}
	for _, c := range t.Chains {
		if !Chain(c.Name) {
			c.Rules = slices.DeleteFunc(slices.Clone(c.Rules), func(r tablefile.Rule) bool { return !Rule(r) })
		}
		if Chain(c.Name) || c.BuiltIn() || len(c.Rules) > 0 {
			part.Chains = append(part.Chains, c)
		}
	}
	return part
}

// Others returns what of a table is foreign.
func Others(t tablefile.Table) tablefile.Table {
	others := tablefile.Table{Name: t.Name}
	for _, c := range t.Chains {
		if !Chain(c.Name) {
			c.Rules = slices.DeleteFunc(slices.Clone(c.Rules), Rule)
			others.Chains = append(others.Chains, c)
		}
	}
	return others
}
