// Package needs says what a ruleset needs of the host that loads it: which
// matches, targets and set types, and which part of the profile wants each. It
// holds that against the table of distributions (package distro).
package needs

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Need is an extension and the parts of the profile that want it, each once, in
// the order of the ruleset.
type Need struct {
	ruleset.Extension
	Origins []ruleset.Origin // at least one
}

// Of returns what a ruleset needs, in the order in which it first does. The
// rules of a boot at which the others cannot be loaded count too.
func Of(rs *ruleset.Ruleset) []Need {
	var list collected
	for _, s := range rs.Sets {
		list.add(ruleset.Extension{Kind: ruleset.SetExtension, Name: string(s.Type)}, s.Origin)
	}
	for _, t := range slices.Concat(rs.Tables, rs.Fallback) {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				for _, e := range emit.Uses(t.Family, r) {
					list.add(e, r.Origin)
				}
			}
		}
	}
	return list
}

// collected grows by what it does not have.
type collected []Need

func (c *collected) add(e ruleset.Extension, o ruleset.Origin) {
	i := slices.IndexFunc(*c, func(n Need) bool { return n.Extension == e })
	if i < 0 {
		*c, i = append(*c, Need{Extension: e}), len(*c)
	}
	need := &(*c)[i]
	if !slices.ContainsFunc(need.Origins, func(have ruleset.Origin) bool { return have.Part == o.Part }) {
		need.Origins = append(need.Origins, o)
	}
}
