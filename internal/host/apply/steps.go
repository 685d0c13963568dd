package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/setting"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// Transition is what an apply is asked to do, and where.
type Transition struct {
	Site
	Bundle     *bundle.Bundle
	Tools      probe.Tools
	Have, Want state.State
	Plan       *plan.Plan
	// Restored are the settings of Want that the bundle does not state: they get the
	// values that they had before hardenctl.
	Restored map[string]state.Setting
}

// tablesStep moves the tables of one family. Going forward and going back are
// both a move from what is there.
func (site Site) tablesStep(family ruleset.Family, policies policies, to, back target) step {
	move := func(target target) func(context.Context) error {
		return func(ctx context.Context) error { return site.moveTables(ctx, family, policies, target) }
	}
	return step{name: fmt.Sprintf("IPv%d rules", family), do: move(to), undo: move(back)}
}

// target says what the tables must become, given what they are.
type target func(now trial.Tables) trial.Tables

// fixed is a target whatever there is.
func fixed(tables trial.Tables) target { return func(trial.Tables) trial.Tables { return tables } }

// placed are the tables that are wanted, with the rules of others that are there now: they
// say which place our jumps get.
func (c Transition) placed(now trial.Tables) trial.Tables {
	placed := trial.Tables{}
	for id, want := range c.Want.Tables {
		placed[id] = owned.Placed(now[id], want, c.leading())
	}
	return placed
}

// leading names the chains of others to which jumps may come before ours.
func (c Transition) leading() []string {
	if c.Bundle == nil { // on the way back what was there says it
		return nil
	}
	return c.Bundle.Manifest.Leading
}

// policies names the chains of a table whose policies become the target's.
type policies func(id state.TableID) []string

// keepPolicies lets all policies be as they are.
func keepPolicies(state.TableID) []string { return nil }

func (site Site) moveTables(ctx context.Context, family ruleset.Family, policies policies, target target) error {
	current, err := site.Rules.Tables(ctx, family)
	if err != nil {
		return err
	}
	wanted := target(current.Tables)
	var text []byte
	for _, name := range tableNames(family, current.Tables, wanted) {
		id := state.TableID{Family: family, Name: name}
		to := wanted[id]
		to.Name = name
		text = append(text, transaction(current.Tables[id], to, policies(id))...)
	}
	if text == nil {
		return nil
	}
	return site.Rules.Load(ctx, family, text, false)
}

// tableNames returns the tables that any of the states has, sorted.
func tableNames(family ruleset.Family, states ...trial.Tables) []string {
	names := map[string]bool{}
	for _, tables := range states {
		for id := range tables {
			if id.Family == family {
				names[id.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// policies returns the chains of a table whose policies the profile states, and
// those whose policies an earlier profile did, which the plan releases.
func (c Transition) policies(id state.TableID) []string {
	var names []string
	for _, p := range c.Bundle.Manifest.Policies {
		if p.Family == int(id.Family) && p.Table == id.Name {
			names = append(names, p.Chain)
		}
	}
	for _, s := range c.Plan.Changes {
		chain, inTable := strings.CutPrefix(s.Object, id.Name+" ")
		if s.Kind == plan.Policy && s.Family == int(id.Family) && inTable && !slices.Contains(names, chain) {
			names = append(names, chain)
		}
	}
	return names
}

// objects names what the plan changes of a kind, in its order.
func (c Transition) objects(kind plan.Kind) []string {
	var names []string
	for _, s := range c.Plan.Changes {
		if s.Kind == kind {
			names = append(names, s.Object)
		}
	}
	return names
}

// settingsStep writes the settings of the plan: forward until one fails.
// Backward it writes those of back, all of them, whatever fails.
func (c Transition) settingsStep(back map[string]state.Setting) step {
	do := func(context.Context) error {
		for _, key := range setting.Ordered(c.objects(plan.Setting)) {
			if err := c.Settings.Write(c.Want.Settings[key]); err != nil {
				return err
			}
		}
		return nil
	}
	undo := func(context.Context) error {
		var failed error
		for _, key := range slices.Backward(setting.Ordered(slices.Sorted(maps.Keys(back)))) {
			failed = errors.Join(failed, c.Settings.PutBack(back[key]))
		}
		return failed
	}
	return step{name: "kernel settings", do: do, undo: undo}
}

// changed are the settings that the plan changes, as they are before.
func (c Transition) changed() map[string]state.Setting {
	before := map[string]state.Setting{}
	for _, key := range c.objects(plan.Setting) {
		before[key] = c.Have.Settings[key]
	}
	return before
}

// verifyStep changes nothing: it reads everything back.
func (c Transition) verifyStep() step {
	return step{name: "reading back", do: func(ctx context.Context) error {
		left, err := c.left(ctx)
		if err != nil {
			return err
		}
		if left.Empty() {
			return nil
		}
		first := left.Changes[0]
		return fmt.Errorf("the host differs from the plan in %d places; the first is %s %s %s", len(left.Changes), first.Action, first.Kind, first.Object)
	}}
}

// left plans again from a fresh reading of what is not a file. Sets that are in the
// way of going back are still there, and do not count; nor do interfaces that have
// come since, which were not planned.
func (c Transition) left(ctx context.Context) (*plan.Plan, error) {
	now, settings, _, err := c.Read(ctx, c.Tools, c.Bundle, c.Restored)
	if err != nil {
		return nil, err
	}
	want := c.Want
	want.Settings = settings
	left := plan.Compare(now, want, c.Bundle.Manifest)
	left.Changes = slices.DeleteFunc(left.Changes, func(s plan.Step) bool {
		_, planned := c.Want.Settings[s.Object]
		return s.Kind == plan.File || s.Kind == plan.Set && s.Action == plan.Remove || s.Kind == plan.Setting && !planned
	})
	return left, nil
}
