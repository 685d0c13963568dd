package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hardenctl/compiler/ruleset"
	"hardenctl/host/nftables"
	"hardenctl/host/saved"
	"hardenctl/host/state"
	"hardenctl/host/tool"
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

// looks is how often the rules are read before what looks like a rule of nft is
// taken for one: somebody may have changed rules between two readings.
const looks = 3

// writtenByNFT finds rules that nft wrote into the tables of iptables. What
// iptables-save prints of them is not what they do, so that a plan would be
// wrong, and going back would put something else.
func (t Tools) writtenByNFT(ctx context.Context, kernel []nftables.Table, have state.State, said []string) (found []Rival, err error) {
	for range looks {
		if found = t.misprinted(kernel, have, said); found == nil {
			return nil, nil
		}
		if have, said, err = tables(ctx, t.Families...); err != nil {
			return nil, err
		}
		if kernel, err = nftables.Read(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// misprinted compares what the kernel has with what iptables-save prints.
func (t Tools) misprinted(kernel []nftables.Table, have state.State, said []string) []Rival {
	var found []Rival
	for _, k := range kernel {
		if !isOfIPTables(k) {
			continue
		}
		var printed saved.Table
		if t.Backend == NFT {
			printed = have.Tables[state.TableID{Family: nftFamilies[k.Family], Name: k.Name}]
		}
		if chain := differs(k, printed); chain != "" {
			found = append(found, Rival{
				fmt.Sprintf("the table %s %s, which is that of iptables, holds rules that nft wrote (chain %s), and iptables-save does not show what they do", k.Family, k.Name, chain),
				fmt.Sprintf("nft list table %s %s shows them; say what you need of them in the profile, by iptables, or in a table of another name, and delete them there (nft -a list chain %[1]s %[2]s %[3]s, nft delete rule …)", k.Family, k.Name, chain)})
		}
	}
	for _, note := range said {
		if found == nil && strings.Contains(note, "incompatible") {
			found = append(found, Rival{note, "nft list ruleset shows what nft wrote there; move it to a table of another name"})
		}
	}
	return found
}

// unreadable names the rules of nft because of which iptables-save failed; it
// returns any other error as it is.
func unreadable(err error) error {
	var failed *tool.Error
	if !errors.As(err, &failed) || !strings.Contains(failed.Words, "Parsing nftables rule failed") { // iptables-nft-save 1.8.9
		return err
	}
	return &RivalsError{[]Rival{{
		fmt.Sprintf("a table of iptables holds a rule that nft wrote and %s cannot read", failed.Tool),
		"nft list ruleset shows it; say what you need of it in the profile, by iptables, or in a table of another name, and delete it (nft -a list ruleset, nft delete rule …)"}}}
}

// differs returns the first chain of a table that holds a rule of nft, or
// another number of rules than iptables-save prints: it leaves out those that it
// cannot read.
func differs(kernel nftables.Table, printed saved.Table) string {
	for _, c := range kernel.Chains {
		n := 0
		if p := printed.Chain(c.Name); p != nil {
			n = len(p.Rules)
		}
		if len(c.Rules) != n || slices.ContainsFunc(c.Rules, nftables.Rule.ByNFT) {
			return c.Name
		}
	}
	return ""
}
