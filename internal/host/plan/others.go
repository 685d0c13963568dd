package plan

import (
	"bytes"
	"fmt"

	"github.com/hardenctl/hardenctl/internal/host/state"
)

// settings compares by the value read back, blanks folded as the kernel prints
// lists of numbers with tabs.
func (c *comparison) settings() {
	for _, key := range sorted(c.want.Settings, c.want.Settings) {
		have, want := c.have.Settings[key], c.want.Settings[key]
		origin := find(c.origins.settings, want.Stated)
		before, after := state.Fold(have.Value), state.Fold(want.Value)
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

// files compares by content. Where the bundle has no file, one that an earlier
// bundle left goes.
func (c *comparison) files() {
	for _, path := range sorted(c.want.Files, c.want.Files) {
		have, want := c.have.Files[path], c.want.Files[path]
		was, is := c.have.Modes[path], c.want.Modes[path]
		step := Step{Kind: File, Object: path, Before: lines(have), After: lines(want)}
		if was != is && have != nil && want != nil {
			step.Before, step.After = fmt.Sprintf("%s, mode %04o", step.Before, was), fmt.Sprintf("%s, mode %04o", step.After, is)
		}
		switch {
		case was == is && bytes.Equal(have, want) && (have == nil) == (want == nil):
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
