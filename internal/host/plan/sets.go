package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// maxExamples is how many members that come or go a step names.
const maxExamples = 5

// sets compares by header and by what the members cover. The members of a set
// that packets fill are not compared.
func (c *comparison) sets() {
	for _, name := range sorted(c.have.Sets, c.want.Sets) {
		have, exists := c.have.Sets[name]
		want, wanted := c.want.Sets[name]
		switch {
		case !wanted && !owned.Set(name):
			c.plan.Untouched = append(c.plan.Untouched, Foreign{Kind: Set, Object: name, Count: have.Entries})
		case !wanted:
			c.removeSet(name, have)
		case !exists:
			c.plan.add(Step{Action: Add, Kind: Set, Object: name, After: setText(want), Origin: find(c.origins.sets, name)})
		case !sameSet(have, want):
			c.changeSet(name, have, want)
		}
	}
}

// sameSet reports whether a set is as wanted. One that packets do not fill has
// no exceptions and no entries that expire.
func sameSet(have, want state.Set) bool {
	return have.Header == want.Header && (want.Dynamic || have.Odd == 0 && have.Members.Equal(want.Members))
}

// removeSet plans to remove a set of ours. One that rules or lists of others
// name stays: the kernel keeps it while they do.
func (c *comparison) removeSet(name string, have state.Set) {
	if others := have.References - c.have.UsesOfSet(name); others > 0 {
		c.plan.Notes = append(c.plan.Notes, fmt.Sprintf(
			"set %s is not needed any more, but stays: unmanaged rules or lists use it (%d times); remove those first", name, others))
		return
	}
	step := Step{Action: Remove, Kind: Set, Object: name, Before: setText(have), Origin: find(c.origins.sets, name)}
	step.members(have, state.Set{})
	step.Risk = loses(name, c.losses.set(name, have.Members), have.Members)
	c.plan.add(step)
}

func (c *comparison) changeSet(name string, have, want state.Set) {
	step := Step{Action: Change, Kind: Set, Object: name, Before: setText(have), After: setText(want), Origin: find(c.origins.sets, name)}
	var risks []string
	if !want.Dynamic {
		step.members(have, want)
		gone := have.Members.Subtract(want.Members)
		risks = append(risks, loses(name, c.losses.set(name, gone), gone))
		if risks[0] != "" || blocks(name) && !gone.IsEmpty() {
			risks = append(risks, shrinks(have, want))
		}
	}
	if !have.Swaps(want.Header) && have.References > 0 {
		risks = append(risks, "unmanaged rules use the set, and the kernel cannot change its type or family while they do: apply fails and is undone until you remove them")
	}
	step.Risk = strings.Join(slices.DeleteFunc(risks, func(r string) bool { return r == "" }), "; ")
	c.plan.add(step)
}

// members counts the members that come and go, and names the first.
func (s *Step) members(have, want state.Set) {
	s.Added, s.AddedExamples = examples(want.Members.Subtract(have.Members))
	s.Removed, s.RemovedExamples = examples(have.Members.Subtract(want.Members))
}

func examples(set netset.Set) (n int, first []string) {
	all := slices.Concat(set.V4(), set.V6())
	for _, p := range all[:min(len(all), maxExamples)] {
		first = append(first, p.String())
	}
	return len(all), first
}

func setText(s state.Set) string {
	text := string(s.Type)
	if s.Timeout > 0 {
		text += fmt.Sprintf(", timeout %d s", s.Timeout)
	}
	if s.Counters {
		text += ", counting"
	}
	if s.Dynamic {
		return text + ", filled by packets"
	}
	text += ", " + entries(s.Entries)
	if s.Odd > 0 {
		text += fmt.Sprintf(" (%d an exception or expiring)", s.Odd)
	}
	return text
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// shrinks warns of a set that loses more than half of what it has: more often
// a feed that failed than one that got better.
func shrinks(have, want state.Set) string {
	if want.Entries*2 >= have.Entries {
		return ""
	}
	return fmt.Sprintf("from %s to %d", entries(have.Entries), want.Entries)
}

// loses warns of addresses that leave a set: of the losers, who get in by it and
// by nothing else any more, and of all that are gone if the set exempts. All sets
// of ours that packets do not fill let somebody in, but the blocklist.
func loses(name string, losers, gone netset.Set) string {
	switch {
	case blocks(name):
		return ""
	case isSet(name, "trusted") && !gone.IsEmpty():
		return amount(gone) + " no longer exempt from limits and bans"
	case losers.IsEmpty():
		return ""
	}
	return amount(losers) + " will lose access"
}

// blocks reports whether a set is the blocklist.
func blocks(name string) bool {
	return isSet(name, "block")
}

// isSet reports whether a set is one that the compiler makes, of either family.
func isSet(name, part string) bool {
	return name == ruleset.SetPrefix+part+"-v4" || name == ruleset.SetPrefix+part+"-v6"
}

// amount counts addresses, and networks of IPv6, whose addresses are too many to count.
func amount(set netset.Set) string {
	for _, f := range ruleset.Families {
		if set.Equal(everywhere[f]) {
			return fmt.Sprintf("all of IPv%d", f)
		}
	}
	n, noun := uint64(0), "address" // of all, an int of 32 bits has no room
	for _, p := range set.V4() {
		n += 1 << (32 - p.Bits())
	}
	v6 := set.V6()
	if slices.ContainsFunc(v6, func(p netip.Prefix) bool { return !p.IsSingleIP() }) {
		noun = "network"
	}
	n += uint64(len(v6))
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "address":
		return fmt.Sprintf("%d addresses", n)
	}
	return fmt.Sprintf("%d networks", n)
}
