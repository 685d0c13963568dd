package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// Snapshot reads what the host has: every table and set. Settings and files are
// not read here. The notes are what the tools say of rules that they cannot
// print.
//
// A *plan.RivalsError says that nft has written rules because of which some
// tables cannot be read; all else has been.
func (t Tools) Snapshot(ctx context.Context, b *bundle.Bundle) (have state.State, notes []string, err error) {
	have, notes, unread := tables(ctx, t.Families...)
	if unread != nil && !errors.As(unread, new(*plan.RivalsError)) {
		return have, nil, unread
	}
	if have.Sets, err = readHeaders(); err != nil {
		return have, nil, err
	}
	if err := readMembers(have.Sets, dynamic(b)); err != nil {
		return have, nil, err
	}
	return have, notes, unread
}

// Tables reads the tables of one family.
func Tables(ctx context.Context, family ruleset.Family) (state.State, error) {
	s, _, err := tables(ctx, family)
	return s, err
}

// RuleOfInput reads the rule of a number, from 1, in filter INPUT alone, which can be read
// where a library is missing for another rule.
func RuleOfInput(ctx context.Context, family ruleset.Family, number int) (tablefile.Rule, error) {
	name := strings.TrimSuffix(command(family, "restore"), "-restore")
	out, err := tool.Run(ctx, tool.Command{Name: name, Args: []string{"-w", lockWait, "-S", "INPUT", strconv.Itoa(number)}})
	return tablefile.ParseLine(string(out)).Rule, err
}

// tables reads those of some families. A *plan.RivalsError says that some of them
// cannot be read; the others are there.
func tables(ctx context.Context, families ...ruleset.Family) (s state.State, notes []string, err error) {
	s.Tables = map[state.TableID]tablefile.Table{}
	var unread plan.RivalsError
	for _, family := range families {
		read, said, err := save(ctx, family)
		var rivals *plan.RivalsError
		if errors.As(err, &rivals) {
			unread.Rivals = append(unread.Rivals, rivals.Rivals...)
			read, err = saveReadable(ctx, family)
		}
		if err != nil {
			return s, nil, err
		}
		notes = append(notes, said...)
		for _, t := range read {
			s.Tables[state.TableID{Family: family, Name: t.Name}] = t
		}
	}
	if unread.Rivals != nil {
		return s, notes, &unread
	}
	return s, notes, nil
}

// dynamic tells which sets packets fill.
func dynamic(b *bundle.Bundle) map[string]bool {
	names := map[string]bool{}
	for _, s := range b.Manifest.Sets {
		names[s.Name] = s.Dynamic
	}
	return names
}

func readHeaders() (map[string]state.Set, error) {
	headers, err := kernelset.List()
	if err != nil {
		return nil, fmt.Errorf("reading sets: %w", err)
	}
	sets := map[string]state.Set{}
	for _, h := range headers {
		sets[h.Name] = state.Set{Declared: h.Declared(), Entries: int(h.Entries), References: int(h.References), Header: HeaderOf(h)}
	}
	return sets, nil
}

// HeaderOf is what of a set's header decides what the set can hold.
func HeaderOf(h kernelset.Header) state.Header {
	return state.Header{
		Type: ruleset.SetType(h.Type), Family: h.Family, MaxElements: h.MaxElem,
		HasTimeout: h.HasTimeout, Timeout: uint32(h.Timeout.Seconds()), Netmask: h.Netmask,
		Counters: h.Counters, ForceAdd: h.ForceAdd,
	}
}

// readMembers reads the members of our sets, where they are planned.
func readMembers(sets map[string]state.Set, dynamic map[string]bool) error {
	for name, set := range sets {
		set.Dynamic = dynamic[name]
		if owned.Set(name) && !set.Dynamic && set.Type == ruleset.HashNet {
			var err error
			if set.Members, set.Odd, err = members(name); err != nil {
				return err
			}
		}
		sets[name] = set
	}
	return nil
}

// members returns what a kernel set of prefixes covers, and how many of its
// entries do not do so for good: exceptions, and those that expire.
func members(name string) (covered netset.Set, odd int, err error) {
	var prefixes []netip.Prefix
	for entry, err := range kernelset.Members(name) {
		switch {
		case err != nil:
			return netset.Set{}, 0, fmt.Errorf("reading set %s: %w", name, err)
		case entry.NoMatch || entry.Timeout > 0:
			odd++
		default:
			prefixes = append(prefixes, entry.Prefix)
		}
	}
	return netset.Of(prefixes...), odd, nil
}
