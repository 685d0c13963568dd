package meaning

import (
	"maps"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Become returns the tables and sets of a host once a plan is done: what is ours as it is
// wanted, and what others have as it is.
func Become(have, want state.State, m bundle.Manifest) state.State {
	stated := map[place]bool{}
	for _, p := range m.Policies {
		stated[place{state.TableID{Family: ruleset.Family(p.Family), Name: p.Table}, p.Chain}] = true
	}
	after := state.State{Tables: map[state.TableID]tablefile.Table{}, Sets: map[string]state.Set{}}
	for id := range have.Tables {
		after.Tables[id] = become(id, have.Tables[id], want.Tables[id], stated, m.Leading)
	}
	for id := range want.Tables {
		after.Tables[id] = become(id, have.Tables[id], want.Tables[id], stated, m.Leading)
	}
	maps.Copy(after.Sets, have.Sets)
	maps.Copy(after.Sets, want.Sets)
	return after
}

// place is a chain of a host.
type place struct {
	table state.TableID
	chain string
}

// become is Become for one table. stated are the chains whose policy the profile states,
// and leading those to which jumps of others may stay before ours.
func become(id state.TableID, have, want tablefile.Table, stated map[place]bool, leading []string) tablefile.Table {
	t, named := tablefile.Table{Name: id.Name}, owned.LeadingIn(have, leading)
	for _, c := range have.Chains {
		if owned.Chain(c.Name) {
			continue
		}
		wanted := want.Chain(c.Name)
		switch {
		case stated[place{id, c.Name}] && wanted != nil:
			c.Policy = wanted.Policy
		case owned.Releases(&c, wanted):
			c.Policy = tablefile.KernelPolicy
		}
		c.Rules = hooked(c.Rules, wanted, named)
		t.Chains = append(t.Chains, c)
	}
	for _, c := range want.Chains {
		if owned.Chain(c.Name) || have.Chain(c.Name) == nil {
			t.Chains = append(t.Chains, c)
		}
	}
	return t
}

// hooked are rules of others with the hooks that are wanted.
func hooked(rules []tablefile.Rule, wanted *tablefile.Chain, leading owned.Leading) []tablefile.Rule {
	var hooks []tablefile.Rule
	if wanted != nil {
		hooks = wanted.Rules
	}
	return owned.Place(rules, hooks, leading)
}
