package apply

import (
	"context"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// LoadTables moves what is ours in the tables of a family to a target, in one
// transaction for each table, as an apply does, and touches nothing else. leading names
// the chains of others to which jumps may stay before ours. It
// cannot be undone: it is for a boot.
func (site Site) LoadTables(ctx context.Context, family ruleset.Family, target state.State, leading []string) error {
	current, err := site.Rules.Tables(ctx, family)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, tables := range []state.State{current, target} {
		for id := range tables.Tables {
			names[id.Name] = true
		}
	}
	var text []byte
	for _, name := range slices.Sorted(maps.Keys(names)) {
		id := state.TableID{Family: family, Name: name}
		to := target.Tables[id]
		to.Name = name
		placed := owned.Placed(current.Tables[id], to, leading)
		text = append(text, transaction(current.Tables[id], placed, owned.Stated(to))...)
	}
	if text == nil {
		return nil
	}
	return site.Rules.Load(ctx, family, text, false)
}
