package bootfiles

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// wantedBefore returns the content that each path had before the first apply. A
// file that others have changed since, and that holds more than ours, keeps what
// they have made of it, without what is ours.
func wantedBefore(b *bundle.Bundle, layout bundle.Layout, have map[string][]byte) (map[string][]byte, error) {
	want := map[string][]byte{}
	for path := range have {
		want[path] = b.File(bundle.BeforeName(path))
	}
	paths := bundle.Paths(layout)
	for name, family := range map[string]int{bundle.RulesV4: 4, bundle.RulesV6: 6} {
		path := paths[name]
		text, err := rulesBefore(have[path], want[path], b, family)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		want[path] = text
	}
	sets := paths[bundle.Sets]
	if others := MergeSets(have[sets], nil); !bytes.Equal(others, MergeSets(want[sets], nil)) {
		want[sets] = others
	}
	return want, nil
}

// rulesBefore returns what a rules file shall hold: before, or, if others have
// other rules in it now, those.
func rulesBefore(have, before []byte, b *bundle.Bundle, family int) ([]byte, error) {
	now, err := othersIn(have)
	if err != nil {
		return nil, err
	}
	was, err := othersIn(before)
	if err != nil || slices.Equal(rulesOf(now), rulesOf(was)) {
		return before, nil // as it was, though nothing loads it
	}
	for i := range now.Blocks {
		state(&now.Blocks[i], was, b.Manifest.Policies, family)
	}
	return now.Bytes(), nil
}

// othersIn returns a rules file without what is ours.
func othersIn(text []byte) (tablefile.File, error) {
	f, err := readOthers(text)
	owned.TakeOut(&f, tablefile.File{})
	return f, err
}

// rulesOf lists what a file holds but for policies, counters and comments.
func rulesOf(f tablefile.File) (lines []string) {
	for _, b := range f.Blocks {
		for _, line := range b.Lines {
			switch {
			case line.Kind == tablefile.Declare && line.Policy == tablefile.UserPolicy:
				lines = append(lines, b.Table+" :"+line.Chain)
			case line.Kind == tablefile.Command:
				lines = append(lines, b.Table+" "+line.String())
			}
		}
	}
	return lines
}

// state gives the built-in chains of a table whose policies we have stated those of
// the file before, or, if it had no such chain, those that the kernel had.
func state(b *tablefile.Block, was tablefile.File, policies []bundle.PolicyEntry, family int) {
	for _, line := range b.Chains() {
		p := policyFor(policies, family, b.Table, line.Chain)
		if p == nil {
			continue
		}
		before := was.Table(b.Table).Declaration(line.Chain)
		if before == nil {
			declared := tablefile.Declared(tablefile.Chain{Name: line.Chain, Policy: p.Policy})
			before = &declared
		}
		*b.Declaration(line.Chain) = *before
	}
}
