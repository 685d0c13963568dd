package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/extension"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/netns"
)

// rulesFiles are the bundle's rules files by family.
var rulesFiles = map[ruleset.Family]string{ruleset.V4: bundle.RulesV4, ruleset.V6: bundle.RulesV6}

// Rehearse loads a bundle into a throwaway network namespace with the host's
// own tools and returns the tables and sets that it makes there, as the tools
// print them. Sets are made and not filled: the rules need their names, and
// their members are known. An error is what the kernel or a tool refused.
func (t Tools) Rehearse(ctx context.Context, b *bundle.Bundle) (state.State, error) {
	sets, members, err := splitSets(b.File(bundle.Sets))
	if err != nil {
		return state.State{}, err
	}
	var made state.State
	err = netns.Throwaway(func() error {
		made, err = t.load(ctx, b, sets)
		return err
	})
	if err != nil {
		return state.State{}, fmt.Errorf("rehearsal: %w", err)
	}
	for _, entry := range b.Manifest.Sets {
		set := made.Sets[entry.Name]
		set.Dynamic, set.Members, set.Entries = entry.Dynamic, members[entry.Name], entry.Entries
		made.Sets[entry.Name] = set
	}
	return made, nil
}

// load runs inside of the namespace.
func (t Tools) load(ctx context.Context, b *bundle.Bundle, sets []setfile.Set) (state.State, error) {
	if err := kernelset.Create(ctx, sets...); err != nil {
		return state.State{}, fmt.Errorf("sets: %w", extension.InSets(err, b))
	}
	for _, family := range t.Families {
		if err := Restore(ctx, family, b.File(rulesFiles[family]), true); err != nil {
			return state.State{}, fmt.Errorf("%s: %w", rulesFiles[family], extension.InRules(err, family, b, rulesFiles[family]))
		}
	}
	made, _, err := tables(ctx, t.Families...)
	if err != nil {
		return made, err
	}
	made.Sets, err = readHeaders()
	return made, err
}

// splitSets takes an ipset restore file apart: its sets, and the members of each.
func splitSets(text []byte) (sets []setfile.Set, members map[string]netset.Set, err error) {
	lists := map[string][]byte{}
	for line := range setfile.Lines(string(text)) {
		switch line.Command {
		case setfile.Create:
			sets = append(sets, line.Declared())
		case setfile.Add:
			lists[line.Set] = append(append(lists[line.Set], line.Entry().Element...), '\n')
		}
	}
	members = map[string]netset.Set{}
	for name, list := range lists {
		var diags diag.List
		members[name], _ = netset.ReadText(bundle.Sets+" "+name, list, &diags)
		if diags.HasErrors() {
			return nil, nil, errors.New(diags[0].String())
		}
	}
	return sets, members, nil
}
