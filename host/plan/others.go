package plan

import (
	"bytes"
	"fmt"
	"strings"

	"hardenctl/host/state"
)

// sets compares by header and by what the members cover. The members of a set
// that packets fill are not compared.
func (c *comparison) sets() {
	for _, name := range sorted(c.have.Sets, c.want.Sets) {
		have, exists := c.have.Sets[name]
		want, wanted := c.want.Sets[name]
		step := Step{Kind: Set, Object: name, Before: setText(have), After: setText(want), Origin: find(c.origins.sets, name)}
		switch {
		case !wanted && !state.OwnsSet(name):
			c.plan.Untouched = append(c.plan.Untouched, Foreign{Kind: Set, Object: name, Count: have.Entries})
			continue
		case !wanted:
			step.Action, step.After = Remove, ""
		case !exists:
			step.Action, step.Before = Add, ""
		case have.Header == want.Header && (want.Dynamic || have.Members.Equal(want.Members)):
			continue
		default:
			step.Action, step.Risk = Change, shrinks(have, want)
		}
		c.plan.add(step)
	}
}

func setText(s state.Set) string {
	text := string(s.Type)
	if s.Timeout > 0 {
		text += fmt.Sprintf(", timeout %d s", s.Timeout)
	}
	if s.Dynamic {
		return text + ", filled by packets"
	}
	return text + fmt.Sprintf(", %d entries", s.Entries)
}

// shrinks warns of a set that loses more than half of what it has: more often
// a feed that failed than one that got better.
func shrinks(have, want state.Set) string {
	if want.Dynamic || want.Entries*2 >= have.Entries {
		return ""
	}
	return fmt.Sprintf("%d entries become %d", have.Entries, want.Entries)
}

// settings compares by the value read back, blanks folded as the kernel prints
// lists of numbers with tabs.
func (c *comparison) settings() {
	for _, key := range sorted(c.want.Settings, c.want.Settings) {
		have, want := c.have.Settings[key], c.want.Settings[key]
		origin := find(c.origins.settings, want.Stated)
		before, after := fold(have.Value), fold(want.Value)
		switch {
		case before == after:
		case have.Unreachable != "":
			c.plan.OutOfReach = append(c.plan.OutOfReach, Unreachable{
				Key: key, Value: before, Wanted: after, Reason: have.Unreachable, Origin: origin})
		default:
			c.plan.add(Step{Action: Change, Kind: Setting, Object: key, Before: before, After: after, Origin: origin})
		}
	}
}

func fold(value string) string { return strings.Join(strings.Fields(value), " ") }

// files compares by content. Where the bundle has no file, one that an earlier
// bundle left goes.
func (c *comparison) files() {
	for _, path := range sorted(c.want.Files, c.want.Files) {
		have, want := c.have.Files[path], c.want.Files[path]
		step := Step{Kind: File, Object: path, Before: lines(have), After: lines(want)}
		switch {
		case bytes.Equal(have, want) && (have == nil) == (want == nil):
			continue
		case have == nil:
			step.Action, step.Before = Add, ""
		case want == nil:
			step.Action, step.After = Remove, ""
		default:
			step.Action = Change
		}
		c.plan.add(step)
	}
}

func lines(text []byte) string {
	n := bytes.Count(text, []byte("\n"))
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}
