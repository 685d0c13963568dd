package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/extension"
	"github.com/hardenctl/hardenctl/internal/host/nftables"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// ipTables are the tables of iptables by their family's name in nf_tables.
var (
	ipTables    = []string{"filter", "nat", "mangle", "raw", "security"}
	nftFamilies = map[string]ruleset.Family{nftables.IP: ruleset.V4, nftables.IP6: ruleset.V6}
)

// isOfIPTables reports whether iptables-nft keeps its rules in the table.
func isOfIPTables(t nftables.Table) bool {
	_, known := nftFamilies[t.Family]
	return known && slices.Contains(ipTables, t.Name)
}

// looks is how often the rules are read again before what looks like a rule of
// nft is taken for one.
const looks = 10

// writtenByNFT finds rules that nft wrote into the tables of iptables. What
// iptables-save prints of them is not what they do, so that a plan would be
// wrong, and going back would put something else.
//
// What was printed and what the kernel has are compared only if the
// rules did not change between the two. On a host where somebody does so all the
// time, what tells itself is taken, and what only the comparison tells is not.
func (t Tools) writtenByNFT(ctx context.Context, kernel []nftables.Table, have state.State, said []string) (found []plan.Rival, err error) {
	if t.misprinted(kernel, have, said) == nil {
		return nil, nil
	}
	for range looks {
		before, err := nftables.Generation()
		if err != nil {
			return nil, err
		}
		// What iptables-save cannot read is missing, and so differs.
		if have, said, err = tables(ctx, t.Families...); err != nil && !errors.As(err, new(*plan.RivalsError)) {
			return nil, err
		}
		if kernel, err = nftables.Read(); err != nil {
			return nil, err
		}
		if after, err := nftables.Generation(); err == nil && before == after {
			return t.misprinted(kernel, have, said), nil
		}
	}
	return certain(kernel), nil
}

// certain is misprinted without a comparison.
func certain(kernel []nftables.Table) (found []plan.Rival) {
	for _, k := range kernel {
		for _, c := range k.Chains {
			if isOfIPTables(k) && slices.ContainsFunc(c.Rules, nftables.Rule.ByNFT) {
				return []plan.Rival{misprint(k, c.Name)}
			}
		}
	}
	return nil
}

// misprint is what is said of a table with rules of nft.
func misprint(t nftables.Table, chain string) plan.Rival {
	return rival(
		fmt.Sprintf("the table %s %s belongs to iptables, but holds rules that nft wrote (chain %s); iptables-save does not show them", t.Family, t.Name, chain),
		fmt.Sprintf("list them with nft list table %s %s; move what you need to the profile, to iptables, or to a table with another name, then delete them (nft -a list chain %[1]s %[2]s %[3]s, nft delete rule …)", t.Family, t.Name, chain))
}

// misprinted compares what the kernel has with what iptables-save prints.
func (t Tools) misprinted(kernel []nftables.Table, have state.State, said []string) []plan.Rival {
	var found []plan.Rival
	for _, k := range kernel {
		if !isOfIPTables(k) {
			continue
		}
		var printed tablefile.Table
		if t.Backend == NFT {
			printed = have.Tables[state.TableID{Family: nftFamilies[k.Family], Name: k.Name}]
		}
		if chain := differs(k, printed); chain != "" {
			found = append(found, misprint(k, chain))
		}
	}
	for _, note := range said {
		if found == nil && strings.Contains(note, "incompatible") {
			found = append(found, rival(note, "list the rules that nft wrote there with nft list ruleset; move them to a table with another name"))
		}
	}
	return found
}

// saveReadable returns the tables of one family that can be read, where one of
// them cannot.
func saveReadable(ctx context.Context, family ruleset.Family) (readable []tablefile.Table, err error) {
	names, err := nftTables(family)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		tables, _, err := save(ctx, family, "-t", name)
		if errors.As(err, new(*plan.RivalsError)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		readable = append(readable, tables...)
	}
	return readable, nil
}

// unreadable names the rules of nft because of which iptables-save failed, or
// says that a library is missing for rules of iptables; it returns any other error
// as it is.
func unreadable(err error) error {
	var failed *tool.Error
	if !errors.As(err, &failed) || !strings.Contains(failed.Words, "Parsing nftables rule failed") { // iptables-nft-save 1.8.9
		return err
	}
	if strings.Contains(failed.Words, "extension not found") { // a match or a target: nft writes neither
		return fmt.Errorf("%s cannot print the rules that are in force: the library of a match or a target of theirs is missing. Leave the rules as they are\n  which one it is: nft list ruleset\n  %s\n  the tool said: %w",
			failed.Tool, extension.Libraries(), err)
	}
	return &plan.RivalsError{Rivals: []plan.Rival{rival(
		fmt.Sprintf("a table of iptables holds a rule that nft wrote and that %s cannot read", failed.Tool),
		"list it with nft list ruleset; move what you need to the profile, to iptables, or to a table with another name, then delete it (nft -a list ruleset, nft delete rule …)")}}
}

// differs returns the first chain of a table that holds a rule of nft, or
// another number of rules than iptables-save prints, or one of which it prints
// less: it leaves out what it cannot read.
func differs(kernel nftables.Table, printed tablefile.Table) string {
	for _, c := range kernel.Chains {
		var rules []tablefile.Rule
		if p := printed.Chain(c.Name); p != nil {
			rules = p.Rules
		}
		if len(c.Rules) != len(rules) || slices.ContainsFunc(c.Rules, nftables.Rule.ByNFT) {
			return c.Name
		}
		for i, r := range c.Rules {
			if r.NeedsMatch(kernel.Family) && !rules[i].HasMatch() {
				return c.Name
			}
		}
	}
	return ""
}
