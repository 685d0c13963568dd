package persist

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
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
	for i := range now {
		now[i].state(was, b.Manifest.Policies, family)
	}
	text := render(now)
	return bytes.TrimPrefix(text, []byte(header+"\n")), nil
}

// othersIn returns the blocks of a rules file without what is ours.
func othersIn(text []byte) ([]block, error) {
	blocks, err := readBlocks(text)
	if err != nil {
		return nil, err
	}
	for i := range blocks {
		blocks[i].release(blocks[i].strip(), nil)
	}
	return blocks, nil
}

// rulesOf lists what blocks hold but for policies, counters and comments.
func rulesOf(blocks []block) (lines []string) {
	for _, b := range blocks {
		for _, line := range b.chains {
			if words := strings.Fields(line); len(words) > 1 && words[1] == tablefile.UserPolicy {
				lines = append(lines, b.table+" "+words[0])
			}
		}
		for _, line := range b.rules {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, b.table+" "+line)
			}
		}
	}
	return lines
}

// state gives the built-in chains of a block whose policies we have stated those of
// the file before, or, if it had no such chain, those that the kernel had.
func (b *block) state(was []block, policies []bundle.PolicyEntry, family int) {
	for i, line := range b.chains {
		chain := tablefile.ChainOf(line)
		at := slices.IndexFunc(policies, func(p bundle.PolicyEntry) bool {
			return p.Family == family && p.Table == b.table && p.Chain == chain
		})
		if at < 0 {
			continue
		}
		b.chains[i] = fmt.Sprintf(":%s %s [0:0]", chain, policies[at].Policy)
		for _, w := range was {
			at := slices.IndexFunc(w.chains, func(line string) bool { return tablefile.ChainOf(line) == chain })
			if w.table == b.table && at >= 0 {
				b.chains[i] = w.chains[at]
			}
		}
	}
}
