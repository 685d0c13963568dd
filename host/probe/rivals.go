package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hardenctl/compiler/ruleset"
	"hardenctl/host/nftables"
	"hardenctl/host/saved"
	"hardenctl/host/state"
)

// Rival is another firewall that decides the packets that come to this host,
// now or from the next boot on.
type Rival struct {
	// Seen is what shows it.
	Seen string
	// WayOut is what to do, with the commands.
	WayOut string
}

// RivalsError is the error of a host on which another firewall is active. Two
// of them do not add up: each opens what the other closes, and rewrites the
// rules of the other when it is told to reload.
type RivalsError struct{ Rivals []Rival }

// Error names each rival and the way out.
func (e *RivalsError) Error() string {
	var all []string
	for _, r := range e.Rivals {
		all = append(all, r.Seen+": "+r.WayOut)
	}
	return "another firewall decides the packets that come to this host: " + strings.Join(all, "; ")
}

// CheckRivals refuses a host on which ufw or firewalld is active, on which the
// tables of iptables hold rules that nft wrote, or on which a table of nft
// closes the host. have and said are a Snapshot and its notes. Tables of nft
// that only drop or count this and that are nobody's rival: they are named in
// the notes, and stay.
//
// The error is a *RivalsError, or says what could not be read.
func (t Tools) CheckRivals(ctx context.Context, have state.State, said []string) (notes []string, err error) {
	kernel, err := nftables.Read()
	if err != nil {
		return nil, err
	}
	rivals := append(ufw("/", have), firewalld("/", kernel, have)...)
	written, err := t.writtenByNFT(ctx, kernel, have, said)
	if err != nil {
		return nil, err
	}
	closed, notes := ofNFT(kernel)
	if rivals = slices.Concat(rivals, written, closed); rivals != nil {
		return nil, &RivalsError{rivals}
	}
	return notes, nil
}

// ofNFT looks through the tables that are nft's alone.
func ofNFT(kernel []nftables.Table) (rivals []Rival, notes []string) {
	for _, t := range kernel {
		if isOfIPTables(t) || isFirewalld(t) {
			continue
		}
		name := t.Family + " " + t.Name
		if chain := closes(t); chain != "" {
			rivals = append(rivals, Rival{
				fmt.Sprintf("the table %s of nftables drops in its chain %s what it does not accept itself", name, chain),
				fmt.Sprintf("say what you need of it in the profile (nft list table %s shows it), then systemctl disable nftables and nft delete table %[1]s; do not stop the unit, which would flush the tables of all, also those of iptables and Docker", name)})
		} else if sees(t) {
			notes = append(notes, fmt.Sprintf("the table %s of nftables sees packets too, and stays as it is: what its rules drop is dropped (%d of them)", name, t.Rules()))
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

// sees reports whether a table has rules that see packets before they are
// delivered here.
func sees(t nftables.Table) bool {
	for _, c := range t.Chains {
		if c.Comes() {
			return t.Rules() > 0
		}
	}
	return false
}

// jumpsTo returns the first INPUT that jumps to a chain whose name begins so.
func jumpsTo(have state.State, prefix string) (where string, found bool) {
	for _, family := range ruleset.Families {
		input := have.Tables[state.TableID{Family: family, Name: "filter"}].Chain("INPUT")
		if input != nil && anyTarget(input.Rules, prefix) {
			return fmt.Sprintf("IPv%d filter INPUT", family), true
		}
	}
	return "", false
}

func anyTarget(rules []saved.Rule, prefix string) bool {
	for _, r := range rules {
		if strings.HasPrefix(r.Target(), prefix) {
			return true
		}
	}
	return false
}
