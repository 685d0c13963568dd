package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/bootfiles"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/host/tool"
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
	booted, err := r.host.system.Probe.RehearseBoot(ctx, r.Tools, probe.Boot{Sets: file(bundle.Sets), Rules: rules, Want: r.Want.Sets})
	if err != nil {
		return r.inOwnFile(err)
	}
	tables := plan.Compare(booted, state.State{Tables: r.Want.Tables}, r.Bundle.Manifest)
	if tables.Empty() {
		return nil
	}
	s := tables.Changes[0]
	path := rules[ruleset.Family(s.Family)].Path
	return fmt.Errorf("%s: after a reboot the rules would differ from the profile: %s (is %q, expected %q); a foreign command in that file, such as -F, -I or -P, causes this: remove it, or %s",
		path, s.Object, s.Before, s.After, bootfiles.MoveAway(path))
}

// inOwnFile makes an error about a line of a file as it would be saved one about
// that line of the file as it is, where there is such a line: a person looks
// there.
func (r *Reading) inOwnFile(err error) error {
	var refused *probe.BootError
	var said *tool.Error
	if errors.As(err, &refused) && errors.As(err, &said) {
		if n := sameLine(r.Want.Files[refused.Path], said.Line, r.Have.Files[refused.Path]); n > 0 {
			said.Renumber(n)
		}
	}
	return err
}

// sameLine returns which line of own is line n of merged, which holds the lines
// of own among others; 0 if none is.
func sameLine(merged []byte, n int, own []byte) int {
	lines := tabled(merged)
	if n < 1 || n > len(lines) {
		return 0
	}
	line := lines[n-1]
	nth := 0
	for _, other := range lines[:n] {
		if other == line {
			nth++
		}
	}
	for i, other := range tabled(own) {
		if other == line {
			nth--
		}
		if nth == 0 {
			return i + 1
		}
	}
	return 0
}

// tabled returns the lines of a text, each behind that which begins its table:
// each table has a COMMIT.
func tabled(text []byte) (lines []string) {
	for line := range tablefile.Lines(string(text)) {
		lines = append(lines, line.Table+"\n"+line.String())
	}
	return lines
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
