package host

import (
	"bytes"
	"context"
	"fmt"

	"hardenctl/compiler/bundle"
	"hardenctl/compiler/ruleset"
	"hardenctl/host/plan"
	"hardenctl/host/probe"
	"hardenctl/host/state"
)

// shared are the files of a bundle that may hold lines of others.
var shared = []string{bundle.Sets, bundle.RulesV4, bundle.RulesV6}

// rehearseFiles makes sure that the files, as they would be saved, boot what
// the profile says. Others' lines in them can have the whole file refused, which
// leaves the host open, or undo ours: they may be any command of
// iptables-restore, such as -F or -I. Files without such lines are the bundle's
// own, which has been rehearsed.
func (r *Reading) rehearseFiles(ctx context.Context) error {
	if r.Bundle.Manifest.Before || r.filesAreOurs() {
		return nil // what the host has booted before is its own
	}
	paths := bundle.Paths(r.Layout)
	file := func(name string) probe.BootFile {
		return probe.BootFile{Path: paths[name], Text: r.Want.Files[paths[name]]}
	}
	rules := map[ruleset.Family]probe.BootFile{ruleset.V4: file(bundle.RulesV4), ruleset.V6: file(bundle.RulesV6)}
	booted, err := r.Tools.RehearseBoot(ctx, probe.Boot{Sets: file(bundle.Sets), Rules: rules, Want: r.Want.Sets})
	if err != nil {
		return err
	}
	tables := plan.Compare(booted, state.State{Tables: r.Want.Tables}, r.Bundle.Manifest)
	if tables.Empty() {
		return nil
	}
	s := tables.Changes[0]
	return fmt.Errorf("%s: after a boot the rules would not be what the profile says: %s (is %q, wanted %q); a command of others in that file, such as -F, -I or -P, is in the way",
		rules[ruleset.Family(s.Family)].Path, s.Object, s.Before, s.After)
}

func (r *Reading) filesAreOurs() bool {
	paths := bundle.Paths(r.Layout)
	for _, name := range shared {
		if !bytes.Equal(r.Want.Files[paths[name]], r.Bundle.File(name)) {
			return false
		}
	}
	return true
}
