package persist

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// MergeRules returns a rules file that holds ours and, byte for byte, every
// line of existing that is not ours. Without such lines the result is ours.
// Policies that the profile states are ours too. The error names the line of
// existing that is not iptables-restore input.
func MergeRules(existing, ours []byte, policies []bundle.PolicyEntry, family int) ([]byte, error) {
	wanted, err := readBlocks(ours)
	if err != nil {
		return nil, fmt.Errorf("the bundle's rules: %w", err)
	}
	file, err := readBlocks(existing)
	if err != nil {
		return nil, err
	}
	for i := range file {
		hooked := file[i].strip()
		file[i].release(hooked, wanted)
	}
	for _, w := range wanted {
		at := slices.IndexFunc(file, func(b block) bool { return b.table != "" && b.table == w.table })
		if at < 0 {
			file = append(file, w)
			continue
		}
		file[at].put(w, policies, family)
	}
	return render(file), nil
}

// block is the lines of one table, or, with an empty table name, those between
// tables.
type block struct {
	table  string
	chains []string // lines that declare chains
	rules  []string // the other lines
}

// readBlocks splits a rules file. It takes any command of iptables-restore in a
// table, since a person may have written it, and only comments outside.
func readBlocks(text []byte) ([]block, error) {
	var blocks []block
	open := -1
	for n, line := range splitLines(text) {
		word := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(word, "*"):
			table := strings.TrimSpace(word[1:])
			if err := mayOpen(blocks, open, table); err != nil {
				return nil, fmt.Errorf("line %d: %w", n+1, err)
			}
			blocks = append(blocks, block{table: table})
			open = len(blocks) - 1
		case open < 0 && (word == "" || strings.HasPrefix(word, "#")):
			blocks = append(blocks, block{rules: []string{line}})
		case open < 0:
			return nil, fmt.Errorf("line %d: %q stands outside of a table; this is not iptables-restore input", n+1, clip(word))
		case word == "COMMIT":
			open = -1
		case strings.HasPrefix(word, ":"):
			blocks[open].chains = append(blocks[open].chains, line)
		default:
			blocks[open].rules = append(blocks[open].rules, line)
		}
	}
	if open >= 0 {
		return nil, fmt.Errorf("table %s has no COMMIT; the file is cut off", blocks[open].table)
	}
	return blocks, nil
}

// mayOpen says why a table cannot begin here. A table that stands there twice
// is refused because loading the second one throws away the first, and with it
// whatever was merged there.
func mayOpen(blocks []block, open int, table string) error {
	switch {
	case open >= 0:
		return fmt.Errorf("table %.64q begins before table %.64q has its COMMIT", table, blocks[open].table)
	case table == "":
		return errors.New("a table without a name; this is not iptables-restore input")
	case slices.ContainsFunc(blocks, func(b block) bool { return b.table == table }):
		return fmt.Errorf("table %.64q stands there a second time; join the two by hand", table)
	}
	return nil
}

func splitLines(text []byte) []string {
	lines := strings.Split(string(text), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func clip(text string) string { return text[:min(len(text), 64)] }

// strip takes out what is ours: our chains, their rules, and jumps to them. It
// returns the chains of others in which jumps of ours stood.
func (b *block) strip() (hooked []string) {
	b.chains = slices.DeleteFunc(b.chains, func(line string) bool { return owned.Chain(tablefile.ChainOf(line)) })
	b.rules = slices.DeleteFunc(b.rules, func(line string) bool {
		ours := isOurs(line)
		if chain := tablefile.ChainOf(line); ours && !owned.Chain(chain) {
			hooked = append(hooked, chain)
		}
		return ours
	})
	return hooked
}

// release gives built-in chains back their policy, as plan does with the live
// ones, where our jump is gone and comes no more: DROP was stated by an earlier
// profile then. A policy that this one states is put in later.
func (b *block) release(hooked []string, wanted []block) {
	for i, line := range b.chains {
		words := strings.Fields(line)
		if len(words) < 2 || words[1] != "DROP" {
			continue
		}
		chain := tablefile.ChainOf(line)
		comes := slices.ContainsFunc(wanted, func(w block) bool { return w.table == b.table && w.hooks(chain) })
		if slices.Contains(hooked, chain) && !comes {
			b.chains[i] = ":" + chain + " ACCEPT [0:0]"
		}
	}
}

// hooks reports whether a jump of ours stands in a chain of others.
func (b *block) hooks(chain string) bool {
	return slices.ContainsFunc(b.rules, func(line string) bool { return tablefile.ChainOf(line) == chain && isOurs(line) })
}

// isOurs takes a jump to a chain of ours for ours, however it was written: if
// it stayed and the chain went, the file would not load any more.
func isOurs(line string) bool {
	if line == header {
		return true
	}
	chain := tablefile.ChainOf(line)
	return chain != "" && (owned.Chain(chain) || owned.Rule(tablefile.Rule{Spec: line}))
}

// header is the first line of our rules, which says where they come from.
const header = bundle.Header

// put adds the lines of ours: stated policies over those that stand there,
// chains behind the others, and rules in front, so that our jumps are first.
func (b *block) put(ours block, policies []bundle.PolicyEntry, family int) {
	for _, line := range ours.chains {
		at := slices.IndexFunc(b.chains, func(have string) bool { return tablefile.ChainOf(have) == tablefile.ChainOf(line) })
		switch {
		case at < 0:
			b.chains = append(b.chains, line)
		case states(policies, family, b.table, tablefile.ChainOf(line)):
			b.chains[at] = line
		}
	}
	b.rules = slices.Concat(ours.rules, b.rules)
}

func states(policies []bundle.PolicyEntry, family int, table, chain string) bool {
	return slices.ContainsFunc(policies, func(p bundle.PolicyEntry) bool {
		return p.Family == family && p.Table == table && p.Chain == chain
	})
}

// render writes the blocks, our header first.
func render(blocks []block) []byte {
	var b bytes.Buffer
	b.WriteString(header + "\n")
	for _, block := range blocks {
		if block.table == "" {
			for _, line := range block.rules {
				if line != header {
					b.WriteString(line + "\n")
				}
			}
			continue
		}
		fmt.Fprintf(&b, "*%s\n", block.table)
		for _, line := range slices.Concat(block.chains, block.rules) {
			b.WriteString(line + "\n")
		}
		b.WriteString("COMMIT\n")
	}
	return b.Bytes()
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
