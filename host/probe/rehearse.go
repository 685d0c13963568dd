package probe

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"

	"hardenctl/compiler/bundle"
	"hardenctl/compiler/netset"
	"hardenctl/compiler/ruleset"
	"hardenctl/host/kernelset"
	"hardenctl/host/netns"
	"hardenctl/host/state"
)

// rulesFiles are the bundle's rules files by family.
var rulesFiles = map[ruleset.Family]string{ruleset.V4: bundle.RulesV4, ruleset.V6: bundle.RulesV6}

// Rehearse loads a bundle into a throwaway network namespace with the host's
// own tools and returns the tables and sets that it makes there, as the tools
// print them. Sets are made and not filled: the rules need their names, and
// their members are known. An error is what the kernel or a tool refused.
func Rehearse(ctx context.Context, b *bundle.Bundle) (state.State, error) {
	creates, members, err := splitSets(b.File(bundle.Sets))
	if err != nil {
		return state.State{}, err
	}
	var made state.State
	err = netns.Throwaway(func() error {
		made, err = load(ctx, b, creates)
		return err
	})
	if err != nil {
		return state.State{}, fmt.Errorf("rehearsal: %w", err)
	}
	for _, entry := range b.Manifest.Sets {
		set := made.Sets[entry.Name]
		set.Dynamic, set.Members, set.Entries = entry.Dynamic, netset.Of(members[entry.Name]...), entry.Entries
		made.Sets[entry.Name] = set
	}
	return made, nil
}

// load runs inside of the namespace.
func load(ctx context.Context, b *bundle.Bundle, creates string) (state.State, error) {
	if creates != "" {
		if err := kernelset.Create(ctx, creates); err != nil {
			return state.State{}, fmt.Errorf("sets: %w", err)
		}
	}
	for _, family := range ruleset.Families {
		if err := Restore(ctx, family, b.File(rulesFiles[family]), true); err != nil {
			return state.State{}, fmt.Errorf("%s: %w", rulesFiles[family], err)
		}
	}
	made, _, err := tables(ctx, ruleset.Families[:]...)
	if err != nil {
		return made, err
	}
	made.Sets, err = readHeaders()
	return made, err
}

// splitSets takes an ipset restore file apart: the lines that create sets, and
// the members of each.
func splitSets(text []byte) (creates string, members map[string][]netip.Prefix, err error) {
	var b strings.Builder
	members = map[string][]netip.Prefix{}
	for line := range bytes.Lines(text) {
		name, prefix, isAdd := cutAdd(line)
		if !isAdd {
			b.Write(line)
			continue
		}
		p, err := netset.ParsePrefix(prefix)
		if err != nil {
			return "", nil, fmt.Errorf("%s: set %s: %w", bundle.Sets, name, err)
		}
		members[name] = append(members[name], p)
	}
	return b.String(), members, nil
}

func cutAdd(line []byte) (name, prefix string, isAdd bool) {
	rest, isAdd := strings.CutPrefix(string(bytes.TrimSpace(line)), "add ")
	name, prefix, _ = strings.Cut(rest, " ")
	return name, prefix, isAdd
}
