package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/nftables"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Rivals finds the other firewalls of a host: ufw, firewalld and other programs that load
// rules of their own, now or at the next boot, the backend of
// iptables that the tools do not use, rules of nft in the tables of iptables, and
// a table of nft that closes the host. have and said are a Snapshot and its
// notes, unread what it could not read. Tables of nft that only drop or count
// this and that are not rivals: they are named in the notes, and stay. Nor
// are rules that decide nothing, as ufw leaves them when it is disabled.
//
// The error says what could not be read.
func (t Tools) Rivals(ctx context.Context, have state.State, said []string, unread []plan.Rival) (rivals []plan.Rival, notes []string, err error) {
	kernel, err := nftables.Read()
	if err != nil {
		return nil, nil, err
	}
	backend, err := t.otherBackend(ctx)
	if err != nil {
		return nil, nil, err
	}
	var written []plan.Rival
	if backend == nil { // else the rules of the backend nft are its, and no misprints
		if written, err = t.writtenByNFT(ctx, kernel, have, said); err != nil {
			return nil, nil, err
		}
	}
	if written == nil {
		written = unread
	}
	closed, notes := ofNFT(kernel)
	return slices.Concat(ufw("/", have), firewalld("/", kernel, have), others("/", kernel, have), backend, written, closed), notes, nil
}

// rival says what shows another firewall, and what to do.
func rival(seen, wayOut string) plan.Rival { return plan.Rival{Seen: seen, WayOut: wayOut} }

// ofNFT looks through the tables that are nft's alone.
func ofNFT(kernel []nftables.Table) (rivals []plan.Rival, notes []string) {
	for _, t := range kernel {
		if isOfIPTables(t) || isFirewalld(t) || isOfProgram(t) {
			continue
		}
		name := t.Family + " " + t.Name
		if chain := closes(t); chain != "" {
			rivals = append(rivals, rival(
				fmt.Sprintf("the chain %[2]s in the nftables table %[1]s drops what it does not accept", name, chain),
				fmt.Sprintf("add what you need from it to the profile (nft list table %s lists it), then run systemctl disable nftables and nft delete table %[1]s; do not stop the unit: that flushes all tables, also those of iptables and Docker", name)))
		} else if t.Decides() {
			notes = append(notes, fmt.Sprintf("the nftables table %s also filters packets and stays unchanged: what its %d rules drop is dropped", name, t.Rules()))
		}
	}
	return rivals, notes
}

// closes returns the chain of a table that sees what comes to this host and
// drops it by policy, if it has one.
func closes(t nftables.Table) string {
	for _, c := range t.Chains {
		if c.Comes() && c.Drops {
			return c.Name
		}
	}
	return ""
}

// jumpsTo returns the first INPUT that jumps to a chain whose name begins so, and
// that decides something.
func jumpsTo(have state.State, prefix string) (where string, found bool) {
	for _, family := range ruleset.Families {
		filter := have.Tables[state.TableID{Family: family, Name: "filter"}]
		input := filter.Chain("INPUT")
		if input != nil && slices.ContainsFunc(input.Rules, func(r tablefile.Rule) bool {
			return strings.HasPrefix(r.Target(), prefix) && filter.RuleDecides(r)
		}) {
			return fmt.Sprintf("IPv%d filter INPUT", family), true
		}
	}
	return "", false
}
