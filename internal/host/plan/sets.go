package plan

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/netset"
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
	c.plan.add(step)
}

func (c *comparison) changeSet(name string, have, want state.Set) {
	step := Step{Action: Change, Kind: Set, Object: name, Before: setText(have), After: setText(want), Origin: find(c.origins.sets, name)}
	if !want.Dynamic {
		step.members(have, want)
		step.Risk = shrinks(have, want)
	}
	if !have.Swaps(want.Header) && have.References > 0 {
		step.Risk = "unmanaged rules use the set, and the kernel cannot change its type or family while they do: apply fails and is undone until you remove them"
	}
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
