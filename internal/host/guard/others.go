package guard

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/bootfiles"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// others is what others have on the host, where they decide: in what it had before
// hardenctl, nothing of ours is before their rules, and else where the profile lets their
// jumps come before ours.
type others struct {
	rules map[ruleset.Family][]byte
	sets  []byte
	// leading are the rules that stay before ours.
	leading map[state.TableID]tablefile.Table
	// parts are the sources that their sets tell apart.
	parts []netset.Set
}

// decidingTables are those by which a packet can be refused. The table nat is left
// out: what it sends elsewhere is not refused, and no such place is here.
var decidingTables = []string{"raw", "mangle", "filter"}

// readOthers reads what others have, where they decide.
func (q *Question) readOthers(ctx context.Context) (err error) {
	q.others.rules, q.others.leading = map[ruleset.Family][]byte{}, q.leading()
	for _, family := range q.Families {
		text := leadingRules(q.others.leading, family)
		switch {
		case q.Bundle.Manifest.Before:
			text = othersRules(q.Have, family)
		case text == nil:
			continue
		}
		own := q.Bundle.File(rulesFile(family))
		if q.others.rules[family], err = bootfiles.MergeRules(text, own, q.Bundle.Manifest, int(family)); err != nil {
			return err
		}
	}
	if !q.Bundle.Manifest.Before && !namesSets(q.others.leading) {
		return nil
	}
	text, err := kernelset.Save(ctx)
	if err != nil {
		return err
	}
	q.others.sets = othersSets(text, q.Have.Sets)
	q.others.parts = setParts(q.others.sets)
	return nil
}

// rules returns what the host will have of rules, as far as the guard tries them.
func (q *Question) rules(family ruleset.Family) []byte {
	if text, decide := q.others.rules[family]; decide {
		return text
	}
	return q.Bundle.File(rulesFile(family))
}

// othersRules returns the rules of others, as iptables-save prints them.
func othersRules(have state.State, family ruleset.Family) []byte {
	var tables []tablefile.Table
	for _, name := range decidingTables {
		if t, used := have.Tables[state.TableID{Family: family, Name: name}]; used {
			tables = append(tables, owned.Others(t))
		}
	}
	return tablefile.Render(tables, false)
}

// othersSets leaves the lines out of a save that are about sets of ours, or put
// one into a list of others. How a set was made the kernel tells better than a
// save. One that has come since the host was read is left out.
func othersSets(text []byte, have map[string]state.Set) (kept []byte) {
	for line := range setfile.Lines(string(text)) {
		if owned.Set(line.Set) || line.Command == setfile.Add && owned.Set(line.Entry().Element) {
			continue
		}
		set, known := have[line.Set]
		switch {
		case !known:
		case line.Command == setfile.Create:
			kept = append(kept, set.Declared.String()+"\n"...)
		default:
			kept = append(kept, line.Text...)
		}
	}
	return kept
}

// setParts returns the sources that each set of a save tells apart, and its
// exceptions: the first part of each member, as far as that is an address.
func setParts(save []byte) (parts []netset.Set) {
	lists, lengths := map[string][]byte{}, map[string]string{}
	for line := range setfile.Lines(string(save)) {
		name := line.Set
		if line.Command == setfile.Create {
			if length, cuts := line.Declared().Value("netmask"); cuts {
				lengths[name] = "/" + length
			}
			continue
		}
		entry := line.Entry()
		first, _, _ := strings.Cut(entry.Element, ",")
		if !strings.ContainsAny(first, "/-") {
			first += lengths[name]
		}
		if _, exception := entry.Value("nomatch"); exception {
			name += " nomatch"
		}
		lists[name] = append(lists[name], first+"\n"...)
	}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		parts = append(parts, sources(lists[name]))
	}
	return parts
}

// sources reads addresses, prefixes and ranges, a line each, and leaves out what is
// something else, such as a port.
func sources(list []byte) netset.Set {
	var bad diag.List
	set, _ := netset.ReadText("", list, &bad)
	return set
}
