package exact

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// reads reports whether packets of a hook meet the same rules, with the same sets, in two
// firewalls. Others can mean the same, too.
func (f *Firewall) reads(g *Firewall, hook Hook) bool {
	a, b := f.way(hook), g.way(hook)
	if !slices.EqualFunc(a, b, func(x, y met) bool {
		return x.table == y.table && x.Name == y.Name && x.Policy == y.Policy && tablefile.SameRules(x.Rules, y.Rules)
	}) {
		return false
	}
	for _, c := range a {
		for _, r := range c.Rules {
			if slices.ContainsFunc(r.Sets(), func(name string) bool { return !f.sameSet(g, name) }) {
				return false
			}
		}
	}
	return true
}

// met is a chain that packets meet.
type met struct {
	table string
	*tablefile.Chain
}

// way are the chains that packets of a hook can meet, in an order that follows from their
// rules.
func (f *Firewall) way(hook Hook) (chains []met) {
	for _, p := range ways[hook] {
		t := f.table(p.table)
		if t == nil {
			continue
		}
		seen := map[string]bool{}
		var meet func(name string)
		meet = func(name string) {
			if seen[name] {
				return
			}
			seen[name] = true
			c := t.Chain(name)
			if c == nil {
				return
			}
			chains = append(chains, met{p.table, c})
			for _, r := range c.Rules {
				meet(r.Target())
			}
		}
		meet(p.chain)
	}
	return chains
}

// sameSet reports whether two firewalls have the same set of a name.
func (f *Firewall) sameSet(g *Firewall, name string) bool {
	a, b := f.sets[name], g.sets[name]
	if a == nil || b == nil {
		return a == b
	}
	of, known := f.members(name)
	members, as := g.members(name)
	return a.Type == b.Type && a.evicts() == b.evicts() && f.filled[name] == g.filled[name] && known == as && of.Equal(members) &&
		(known || slices.EqualFunc(a.entries, b.entries, func(x, y setfile.Entry) bool { return x.String() == y.String() }))
}
