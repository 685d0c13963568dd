package bootfiles

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// leadingLines counts, for each chain of a table, the lines that stay before our hooks.
func leadingLines(b *tablefile.Block, patterns []string) map[string]int {
	counts, over := map[string]int{}, map[string]bool{}
	if b == nil || len(patterns) == 0 {
		return counts
	}
	leading := leadingIn(b, patterns)
	for _, line := range b.Lines {
		switch {
		case line.Kind != tablefile.Command || over[line.Chain]:
		case line.Command == "-A" && leading[line.Rule.Target()]:
			counts[line.Chain]++
		default:
			over[line.Chain] = true
		}
	}
	return counts
}

func leadingIn(b *tablefile.Block, patterns []string) owned.Leading {
	t := tablefile.Table{Name: b.Table}
	for _, line := range b.Chains() {
		t.Chains = append(t.Chains, tablefile.Chain{Name: line.Chain, Policy: line.Policy})
	}
	return owned.LeadingIn(t, patterns)
}

// splitHooks parts the lines of ours into those that come first in a table, and the hooks
// that come behind lines of others.
func splitHooks(lines []tablefile.Line, before map[string]int) (first []tablefile.Line, behind map[string][]tablefile.Line) {
	behind = map[string][]tablefile.Line{}
	for _, line := range lines {
		if before[line.Chain] > 0 && owned.Rule(line.Rule) {
			behind[line.Chain] = append(behind[line.Chain], line)
			continue
		}
		first = append(first, line)
	}
	return first, behind
}

// addBehind puts hooks behind as many lines of their chain.
func addBehind(b *tablefile.Block, hooks map[string][]tablefile.Line, before map[string]int) {
	for chain, lines := range hooks {
		n := 0
		at := slices.IndexFunc(b.Lines, func(l tablefile.Line) bool {
			if l.Kind == tablefile.Command && l.Chain == chain {
				n++
			}
			return n == before[chain]
		})
		b.Lines = slices.Insert(b.Lines, at+1, lines...)
	}
}
