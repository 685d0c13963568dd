package trial

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// copiedChains returns the chains of a table that a trial needs copies of: those
// that are new or change, those that name a set of which there is a copy, and
// those that lead to such a chain.
func copiedChains(have, want tablefile.Table, sets map[string]bool) map[string]bool {
	copied := map[string]bool{}
	for _, c := range want.Chains {
		old := have.Chain(c.Name)
		if owned.Chain(c.Name) && (old == nil || !tablefile.SameRules(old.Rules, c.Rules) || namesAny(c.Rules, sets)) {
			copied[c.Name] = true
		}
	}
	for spread(want, copied) {
	}
	return copied
}

// spread adds the chains that lead to one that is copied, and reports whether
// there were any.
func spread(t tablefile.Table, copied map[string]bool) bool {
	before := len(copied)
	for _, c := range t.Chains {
		leads := slices.ContainsFunc(c.Rules, func(r tablefile.Rule) bool { return copied[r.Target()] })
		if owned.Chain(c.Name) && leads {
			copied[c.Name] = true
		}
	}
	return len(copied) > before
}

func namesAny(rules []tablefile.Rule, sets map[string]bool) bool {
	for name := range sets {
		if slices.ContainsFunc(rules, func(r tablefile.Rule) bool { return r.UsesOfSet(name) > 0 }) {
			return true
		}
	}
	return false
}

// Differ names a chain in which what is ours is not the same in two states of
// the tables, such as "IPv4 filter INPUT"; empty if there is none. Rules of
// others do not count, nor do counters, nor where among those of others and each
// other the jumps to our chains are.
func Differ(a, b Tables) string {
	x, y := ours(a), ours(b)
	for _, place := range slices.Sorted(maps.Keys(x)) {
		other, there := y[place]
		if !there || !slices.Equal(x[place], other) {
			return place
		}
		delete(y, place)
	}
	for _, place := range slices.Sorted(maps.Keys(y)) {
		return place
	}
	return ""
}

// ours lists the rules that are ours by where they are.
func ours(tables Tables) map[string][]string {
	rules := map[string][]string{}
	for id, t := range tables {
		for _, c := range owned.Part(t).Chains {
			specs := []string{}
			for _, r := range c.Rules {
				specs = append(specs, r.Spec)
			}
			if !owned.Chain(c.Name) {
				slices.Sort(specs)
			}
			if owned.Chain(c.Name) || len(specs) > 0 {
				rules[fmt.Sprintf("IPv%d %s %s", id.Family, id.Name, c.Name)] = specs
			}
		}
	}
	return rules
}
