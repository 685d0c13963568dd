package apply

import (
	"context"

	"hardenctl/compiler/bundle"
	"hardenctl/compiler/ruleset"
	"hardenctl/host/plan"
	"hardenctl/host/state"
)

// LoadTables moves what is ours in the tables of a family to a target, in one
// transaction for each table, as an apply does, and touches nothing else. There
// is no going back: it is for a boot. The caller holds the lock.
func LoadTables(ctx context.Context, family ruleset.Family, target state.State) error {
	c := Change{
		Bundle: &bundle.Bundle{Manifest: bundle.Manifest{Policies: StatedPolicies(target)}},
		Plan:   &plan.Plan{},
		Want:   target,
	}
	return c.moveTables(ctx, family, target)
}

// StatedPolicies returns the policies of the built-in chains of filter that
// jump to chains of ours: a profile states both or none.
func StatedPolicies(s state.State) []bundle.PolicyEntry {
	var stated []bundle.PolicyEntry
	for id, table := range s.Tables {
		for _, c := range table.Chains {
			if c.BuiltIn() && c.Policy == "DROP" && len(ownRules(&c)) > 0 {
				stated = append(stated, bundle.PolicyEntry{Family: int(id.Family), Table: id.Name, Chain: c.Name, Policy: c.Policy})
			}
		}
	}
	return stated
}
