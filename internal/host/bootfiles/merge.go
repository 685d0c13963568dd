package bootfiles

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// header is the first line of our rules, which says where they come from.
const header = bundle.Header

// MergeRules returns a rules file that holds ours and, byte for byte, every
// line of existing that is not ours. Without such lines the result is ours.
// Policies that the profile states are ours too. Jumps of others that the profile lets
// come before ours stay there. The error names the line of
// existing that is not iptables-restore input.
func MergeRules(existing, ours []byte, m bundle.Manifest, family int) ([]byte, error) {
	wanted, err := readOthers(ours)
	if err != nil {
		return nil, fmt.Errorf("the bundle's rules: %w", err)
	}
	file, err := readOthers(existing)
	if err != nil {
		return nil, err
	}
	before := map[string]map[string]int{}
	for _, w := range wanted.Blocks {
		before[w.Table] = leadingLines(file.Table(w.Table), m.Leading)
	}
	owned.TakeOut(&file, wanted)
	for _, w := range wanted.Blocks {
		if have := file.Table(w.Table); have != nil {
			put(have, w, m.Policies, family, before[w.Table])
			continue
		}
		file.Blocks = append(file.Blocks, w)
	}
	return append([]byte(header+"\n"), file.Bytes()...), nil
}

// readOthers reads a rules file, tidy and without our header.
func readOthers(text []byte) (tablefile.File, error) {
	f, err := tablefile.Read(text)
	f.Delete(func(l tablefile.Line) bool { return strings.TrimSuffix(l.Text, "\n") == header })
	f.Tidy()
	return f, err
}

// put adds the lines of ours to a table: stated policies over those that are there,
// chains behind the others, and rules in front, so that our hooks are first but for the
// lines that stay before them in each chain.
func put(b *tablefile.Block, ours tablefile.Block, policies []bundle.PolicyEntry, family int, before map[string]int) {
	var lines []tablefile.Line
	for _, line := range ours.Chains() {
		have := b.Declaration(line.Chain)
		switch {
		case have == nil:
			lines = append(lines, line)
		case policyFor(policies, family, b.Table, line.Chain) != nil:
			*have = line
		}
	}
	first, behind := splitHooks(ours.Rules(), before)
	b.Add(append(lines, first...)...)
	addBehind(b, behind, before)
}

// policyFor returns the entry of a chain whose policy a profile states, or nil.
func policyFor(policies []bundle.PolicyEntry, family int, table, chain string) *bundle.PolicyEntry {
	i := slices.IndexFunc(policies, func(p bundle.PolicyEntry) bool {
		return p.Family == family && p.Table == table && p.Chain == chain
	})
	if i < 0 {
		return nil
	}
	return &policies[i]
}

// MergeSets returns an ipset file that holds ours and every line of existing
// about the sets of others; nil if that is nothing. Ours come first: a list of
// others may name them, and a line of others that is refused leaves them whole.
func MergeSets(existing, ours []byte) []byte {
	all := slices.Concat(ours, setfile.Keep(existing, owned.Set))
	if len(all) == 0 {
		return nil
	}
	if all[len(all)-1] != '\n' {
		all = append(all, '\n')
	}
	return all
}
