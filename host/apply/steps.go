package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hardenctl/compiler/bundle"
	"hardenctl/compiler/ruleset"
	"hardenctl/host/plan"
	"hardenctl/host/probe"
	"hardenctl/host/state"
)

// Change is what an apply is asked to do.
type Change struct {
	Bundle     *bundle.Bundle
	Families   []ruleset.Family // those that the kernel has
	Have, Want state.State
	Plan       *plan.Plan
	// Verify reads the host again and returns what of the plan's kinds still
	// differs, files left out.
	Verify func(context.Context) (*plan.Plan, error)
	// Progress is told each step by name.
	Progress func(step string)
}

// Do applies a change. The caller holds the lock. An error that is a *Reverted
// says whether the host is as it was; the only other error is an *Untidy.
func Do(ctx context.Context, c Change) error {
	files := &fileWork{change: c}
	steps := []step{files.prepareStep(), c.setStep(), c.openStep()}
	for _, family := range c.Families {
		steps = append(steps, c.rulesStep(family))
	}
	steps = append(steps, c.settingsStep(), c.verifyStep(), files.putStep())
	return run(ctx, steps, c.Progress)
}

// rulesStep moves the tables of one family. Going forward and going back are
// the same move from what is there to another state.
func (c Change) rulesStep(family ruleset.Family) step {
	move := func(target state.State) func(context.Context) error {
		return func(ctx context.Context) error { return c.moveTables(ctx, family, target) }
	}
	return step{name: fmt.Sprintf("IPv%d rules", family), do: move(c.Want), undo: move(c.Have)}
}

func (c Change) moveTables(ctx context.Context, family ruleset.Family, target state.State) error {
	current, err := probe.Tables(ctx, family)
	if err != nil {
		return err
	}
	var text []byte
	for _, name := range tableNames(family, current, target, c.Want) {
		id := state.TableID{Family: family, Name: name}
		to := target.Tables[id]
		to.Name = name
		text = append(text, transaction(current.Tables[id], to, c.policies(id))...)
	}
	if text == nil {
		return nil
	}
	return probe.Restore(ctx, family, text, false)
}

// tableNames returns the tables that any of the states has, sorted.
func tableNames(family ruleset.Family, states ...state.State) []string {
	names := map[string]bool{}
	for _, s := range states {
		for id := range s.Tables {
			if id.Family == family {
				names[id.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// policies returns the chains of a table whose policies the profile states, and
// those whose policies an earlier profile did, which the plan lets go.
func (c Change) policies(id state.TableID) []string {
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
func (c Change) objects(kind plan.Kind) []string {
	var names []string
	for _, s := range c.Plan.Changes {
		if s.Kind == kind {
			names = append(names, s.Object)
		}
	}
	return names
}

// settingsStep writes the settings of the plan: forward until one fails, and
// backward through all of them, whatever fails.
func (c Change) settingsStep() step {
	keys := c.objects(plan.Setting)
	do := func(context.Context) error {
		for _, key := range keys {
			if err := probe.WriteSetting(c.Want.Settings[key]); err != nil {
				return err
			}
		}
		return nil
	}
	undo := func(context.Context) error {
		var failed error
		for _, key := range slices.Backward(keys) {
			failed = errors.Join(failed, probe.WriteSetting(c.Have.Settings[key]))
		}
		return failed
	}
	return step{name: "kernel settings", do: do, undo: undo}
}

// verifyStep changes nothing: it reads everything back.
func (c Change) verifyStep() step {
	return step{name: "reading back", do: func(ctx context.Context) error {
		left, err := c.Verify(ctx)
		if err != nil {
			return err
		}
		if left.Empty() {
			return nil
		}
		first := left.Changes[0]
		return fmt.Errorf("the host is not what was planned: %d differences, the first is %s %s %s", len(left.Changes), first.Action, first.Kind, first.Object)
	}}
}
