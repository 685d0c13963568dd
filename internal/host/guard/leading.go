package guard

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// leading returns the rules of others that will stay before ours, with all to which they
// lead: they decide before the profile does, so that the rehearsal must have them.
func (q *Question) leading() map[state.TableID]tablefile.Table {
	found := map[state.TableID]tablefile.Table{}
	for id, have := range q.Have.Tables {
		t := leadingOf(have, q.Want.Tables[id], q.Bundle.Manifest.Leading)
		if slices.Contains(decidingTables, id.Name) && len(t.Chains) > 0 {
			found[id] = t
		}
	}
	return found
}

// leadingOf is leading for one table.
func leadingOf(have, want tablefile.Table, patterns []string) tablefile.Table {
	t, named := tablefile.Table{Name: have.Name}, owned.LeadingIn(have, patterns)
	for _, c := range have.Chains {
		if c.Rules = c.Rules[:named.Before(c.Rules)]; len(c.Rules) > 0 && !owned.Chain(c.Name) && owned.Hooked(want.Chain(c.Name)) {
			t.Chains = append(t.Chains, c)
		}
	}
	for i := 0; i < len(t.Chains); i++ { // it grows
		for _, r := range t.Chains[i].Rules {
			next := have.Chain(r.Target())
			if next != nil && !owned.Chain(next.Name) && t.Chain(next.Name) == nil {
				t.Chains = append(t.Chains, *next)
			}
		}
	}
	return t
}

// leadingRules are those of a family, as iptables-save prints them; nil for none.
func leadingRules(leading map[state.TableID]tablefile.Table, family ruleset.Family) []byte {
	var tables []tablefile.Table
	for _, name := range decidingTables {
		if t, has := leading[state.TableID{Family: family, Name: name}]; has {
			tables = append(tables, t)
		}
	}
	if tables == nil {
		return nil
	}
	return tablefile.Render(tables, false)
}

// namesSets reports whether a rule of some tables names a set.
func namesSets(tables map[state.TableID]tablefile.Table) bool {
	for _, t := range tables {
		for _, c := range t.Chains {
			if slices.ContainsFunc(c.Rules, func(r tablefile.Rule) bool { return len(r.Sets()) > 0 }) {
				return true
			}
		}
	}
	return false
}

// rehearsed is what the rehearsal has of the host: what is wanted, and what stays before it.
func (q *Question) rehearsed() state.State {
	if len(q.others.leading) == 0 {
		return q.Want
	}
	return meaning.Become(state.State{Tables: q.others.leading, Sets: q.Have.Sets}, q.Want, q.Bundle.Manifest)
}

// ofOthers names the rule of others that led packets to their end; empty if it was ours.
func ofOthers(way []place) string {
	if len(way) == 0 || owned.Chain(way[0].rule.Target()) {
		return ""
	}
	first := way[0]
	return fmt.Sprintf("filter %s, rule %d, of another program: %s", first.chain, first.number, first.rule.Spec)
}
