package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/trial"
	"github.com/hardenctl/hardenctl/internal/netns"
)

// Trial says how a change is tried.
type Trial struct {
	// Entry is what the journal says. Try fills in the rest: the phase,
	// the times, and what Revert needs.
	Entry journal.Entry
	// Within is how long the trial lasts; the kernel counts whole seconds.
	Within time.Duration
	// Watch starts what ends the trial when its time is over, as far as the
	// kernel does not. It is called when the entry has its deadline and nothing
	// has changed yet for any packet. It is nil where this process confirms, and
	// no other can: if it dies before, everything is reverted at once.
	Watch func(journal.Entry) error
}

// Try makes a change live on trial. There is no entry in the journal. An error that is a *RevertedError says whether the host is
// as it was. Without one the trial has begun, and t.Entry is what the journal
// says.
//
// Until the step that arms the trial set nothing changes for any packet, but that
// conntrack may begin to look at them.
func (c Transition) Try(ctx context.Context, t *Trial) error {
	t.Entry.Phase, t.Entry.Profile = journal.Loading, c.Bundle.Manifest.Profile
	t.Entry.Families, t.Entry.Settings, t.Entry.Files = c.Tools.Families, c.changed(), c.objects(plan.File)
	for _, s := range c.Plan.Changes {
		if s.Kind == plan.Set && s.Action == plan.Add {
			t.Entry.Made = append(t.Entry.Made, s.Object)
		}
	}
	err := c.run(ctx, c.trialSteps(t))
	var reverted *RevertedError
	if errors.As(err, &reverted) && reverted.Undo == nil {
		reverted.Undo = errors.Join(c.Generations.Discard(), c.Journal.Remove())
	}
	return err
}

// Revert ends a trial: everything is as it was before, but for what others have
// changed since. It can be called again after it has failed half-way.
func (site Site) Revert(ctx context.Context, e journal.Entry) error {
	if e.Rebooted() || e.Elsewhere() {
		e.Settings = nil // the boot has made them what they were; or they were another namespace's
	}
	if err := site.revert(ctx, Transition{Site: site}.trialSteps(&Trial{Entry: e})); err != nil {
		return err
	}
	discard := site.Generations.Discard
	if e.Phase == journal.Trial {
		discard = site.Generations.SetAside
	}
	return errors.Join(discard(), site.Journal.Remove())
}

// trialSteps are the steps of a trial. Their undo depends on the entry alone,
// but where the same process undoes what it has just begun.
func (c Transition) trialSteps(t *Trial) []step {
	files, copied := &fileWork{change: c}, c.copiedSets()
	between := func(now trial.Tables) trial.Tables {
		return trial.Between(trial.End(now), c.Want.Tables, copied, c.leading())
	}
	steps := []step{c.beginStep(t), files.stageStep(t.Entry.Files), c.trialSetStep(t.Entry.Made)}
	back := target(trial.End)
	if c.Plan != nil { // a moment ago this process has read what there was
		back = fixed(c.Have.Tables)
	}
	for _, family := range t.Entry.Families {
		steps = append(steps, c.tablesStep(family, keepPolicies, between, back))
	}
	return append(steps, c.readTablesStep(t.Entry.Families, between, copied), c.openStep(), c.deadlineStep(t), c.armStep(t),
		c.settingsStep(t.Entry.Settings), c.readSettingsStep())
}

// beginStep writes the journal. What it writes is removed when all else is
// undone.
func (c Transition) beginStep(t *Trial) step {
	return step{name: "journal", do: func(context.Context) (err error) {
		if t.Entry.Boot, err = journal.Boot(); err != nil {
			return err
		}
		t.Entry.Namespace = netns.Name()
		return c.Journal.Begin(t.Entry, c.Bundle)
	}}
}

// copiedSets are the sets of which a trial has a copy: those that exist and are
// not as wanted. Rules that are live go on with what they hold.
func (c Transition) copiedSets() map[string]bool {
	copied := map[string]bool{}
	if c.Plan == nil {
		return copied
	}
	for _, s := range c.Plan.Changes {
		if s.Kind == plan.Set && s.Action == plan.Change {
			copied[s.Object] = true
		}
	}
	return copied
}

// trialSets are the trial sets: sets of networks, since /0 is two of /1.
func trialSets() []setfile.Set {
	var sets []setfile.Set
	for _, family := range ruleset.Families {
		made := kernelset.Header{
			Name: trial.SetNames[family], Type: kernelset.HashNet, Family: family,
			HashSize: 64, MaxElem: 16, HasTimeout: true, Timeout: time.Minute,
		}
		sets = append(sets, made.Declared())
	}
	return sets
}

// trialSetStep makes the trial sets, empty, the sets that there are not yet, and a
// copy of each that changes. None that exists is touched.
func (c Transition) trialSetStep(made []string) step {
	do := func(ctx context.Context) error {
		if err := c.Sets.Create(ctx, trialSets()...); err != nil {
			return err
		}
		w := c.setWork()
		for _, s := range c.Plan.Changes {
			if err := w.try(ctx, s); err != nil {
				return fmt.Errorf("set %s: %w", s.Object, err)
			}
		}
		return nil
	}
	return step{name: "sets", do: do, undo: func(context.Context) error { return c.dropSets(made) }}
}

// try makes the set that a trial needs for one change of the plan.
func (w *setWork) try(ctx context.Context, s plan.Step) error {
	switch {
	case s.Kind != plan.Set || s.Action == plan.Remove:
		return nil
	case s.Action == plan.Add:
		return w.fill(ctx, s.Object, s.Object)
	}
	have := w.change.Have.Sets[s.Object]
	if !have.Swaps(w.change.Want.Sets[s.Object].Header) && have.References > 0 {
		return notReplaced(have)
	}
	return w.fill(ctx, s.Object, trial.Set(s.Object))
}

// dropSets removes those that a trial made. One that others have begun to use
// stays. Trial sets that cannot go, since the rules could not be restored, are emptied at
// least.
func (site Site) dropSets(made []string) error {
	err := site.disarm()
	all, failed := site.Sets.List()
	if failed != nil {
		return errors.Join(err, failed)
	}
	for _, h := range all {
		if owned.TrialSet(h.Name) {
			err = errors.Join(err, site.Sets.Destroy(h.Name))
		}
	}
	for _, name := range made {
		if failed := site.Sets.Destroy(name); !errors.Is(failed, kernelset.ErrBusy) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// readTablesStep makes sure that the rules and the sets that they ask are there,
// before they count.
func (c Transition) readTablesStep(families []ruleset.Family, between target, copied map[string]bool) step {
	return step{name: "reading back", do: func(ctx context.Context) error {
		for _, family := range families {
			now, err := c.Rules.Tables(ctx, family)
			if err != nil {
				return err
			}
			if place := trial.Differ(now.Tables, of(family, between(now.Tables))); place != "" {
				return fmt.Errorf("the host differs from the plan: %s is not as it was loaded", place)
			}
		}
		return c.readSets(copied)
	}}
}

// of are the tables of one family.
func of(family ruleset.Family, all trial.Tables) trial.Tables {
	tables := trial.Tables{}
	for id, t := range all {
		if id.Family == family {
			tables[id] = t
		}
	}
	return tables
}

// deadlineStep says until when the trial lasts, and sees to it that somebody
// looks after it then.
func (site Site) deadlineStep(t *Trial) step {
	return step{name: "deadline", do: func(context.Context) error {
		t.Entry.Live = journal.Now()
		t.Entry.Deadline = t.Entry.Live + t.Within
		if t.Watch == nil {
			return nil
		}
		t.Entry.Phase = journal.Trial
		if err := site.Journal.Write(t.Entry); err != nil {
			return err
		}
		return t.Watch(t.Entry)
	}}
}

// armStep is the moment at which the host changes. On the way back that is the
// one at which the rules are restored, table by table; the trial set is emptied only
// after them, since a packet that is between the jumps then would meet neither
// the old chains nor the new ones.
func (site Site) armStep(t *Trial) step {
	return step{name: "the new rules, on trial", do: func(context.Context) error {
		if err := site.arm(t.Entry.Left()); err != nil || t.Watch == nil {
			return err
		}
		t.Entry.Live = journal.Now() // a login of a moment before came by the old rules
		return site.Journal.Write(t.Entry)
	}}
}

// readSettingsStep reads the settings back. What the kernel did not take was an
// error before; this finds what one setting does to another.
func (c Transition) readSettingsStep() step {
	return step{name: "reading settings back", do: func(context.Context) error {
		have, _, err := c.Settings.Read(c.Want.Settings)
		if err != nil {
			return err
		}
		for _, key := range c.objects(plan.Setting) {
			now, there := have[key]
			if want := c.Want.Settings[key]; there && !now.Same(want) {
				return fmt.Errorf("the host differs from the plan: %s is %q, not %q", key, now.Value, want.Value)
			}
		}
		return nil
	}}
}
