package lower

import (
	"cmp"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// join makes one table of those that several parts of a profile have in common,
// so that each part can describe a table as if it were alone in it. The rules
// of a built-in chain follow one another in the order of the parts, which list
// all built-in chains of a table, and whose own chains have names of their own.
func join(tables []ruleset.Table) []ruleset.Table {
	var joined []ruleset.Table
	for _, t := range tables {
		same := func(other ruleset.Table) bool { return other.Family == t.Family && other.Name == t.Name }
		if i := slices.IndexFunc(joined, same); i >= 0 {
			joined[i].Chains = joinChains(joined[i].Chains, t.Chains)
			continue
		}
		joined = append(joined, t)
	}
	return joined
}

// joinChains returns the built-in chains, in the kernel's order, then the
// others by name.
func joinChains(into, more []ruleset.Chain) []ruleset.Chain {
	own := func(c ruleset.Chain) bool { return !c.BuiltIn() }
	for _, c := range more {
		same := func(other ruleset.Chain) bool { return other.Name == c.Name }
		if i := slices.IndexFunc(into, same); i >= 0 {
			into[i].Rules = slices.Concat(into[i].Rules, c.Rules)
			continue
		}
		into = append(into, c)
	}
	if i := slices.IndexFunc(into, own); i >= 0 {
		slices.SortFunc(into[i:], func(a, b ruleset.Chain) int { return cmp.Compare(a.Name, b.Name) })
	}
	return into
}
