package apply

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// temporary is the name under which a set is filled before it is swapped in.
// No set of a bundle is named so: these end in their family.
const temporary = ruleset.SetPrefix + "tmp-"

// setStep makes, changes and removes sets. A set that exists is never filled
// in place: another is filled beside it, counted, and swapped in, so that
// packets meet the old members or the new ones, and a failed load changes
// nothing. What was swapped out is kept until the apply is done.
func (c Transition) setStep() step {
	w := c.setWork()
	return step{name: "sets", do: w.do, undo: w.undo, finish: w.finish}
}

func (c Transition) setWork() *setWork {
	return &setWork{change: c, create: declared(c.Bundle.File(bundle.Sets)), kept: map[string]kept{}}
}

type setWork struct {
	change  Transition
	create  map[string]setfile.Set
	made    []string          // sets that did not exist
	swapped map[string]string // from a set to the one that holds its old members
	renamed map[string]string // from a set to the name that the old one has now
	kept    map[string]kept   // what each set that packets fill was given
}

// kept are entries of a set, as each was taken last.
type kept map[netip.Prefix]kernelset.Entry

func declared(text []byte) map[string]setfile.Set {
	byName := map[string]setfile.Set{}
	for _, s := range setfile.Sets(text) {
		byName[s.Name] = s
	}
	return byName
}

func (w *setWork) do(ctx context.Context) error {
	w.swapped, w.renamed = map[string]string{}, map[string]string{}
	for i, s := range w.change.Plan.Changes {
		if s.Kind != plan.Set {
			continue
		}
		var err error
		switch s.Action {
		case plan.Add:
			w.made = append(w.made, s.Object)
			err = w.fill(ctx, s.Object, s.Object)
		case plan.Change:
			err = w.replace(ctx, s.Object, fmt.Sprintf("%s%d", temporary, i))
		}
		if err != nil {
			return fmt.Errorf("set %s: %w", s.Object, err)
		}
	}
	return nil
}

// fill creates a set under a name and gives it the members that name's set
// shall have, or, if packets fill it, those that it has now: itself, to which
// others may have added a ban, and its copy on trial, to which packets have.
func (w *setWork) fill(ctx context.Context, name, as string) error {
	set := w.create[name]
	set.Name = as
	if err := w.change.Sets.Create(ctx, set); err != nil {
		return err
	}
	want := w.change.Want.Sets[name]
	if want.Dynamic {
		return errors.Join(w.keep(name, name, as), w.keep(name, trial.Set(name), as))
	}
	if err := w.change.Sets.Add(as, slices.Concat(want.Members.V4(), want.Members.V6())); err != nil {
		return err
	}
	return w.count(as, want.Entries)
}

// count makes sure that a set has as many entries as it was given: a full set
// can refuse some without a word.
func (w *setWork) count(name string, want int) error {
	header, err := w.change.Sets.Lookup(name)
	if err != nil {
		return err
	}
	if int(header.Entries) != want {
		return fmt.Errorf("it holds %d entries, expected %d", header.Entries, want)
	}
	return nil
}

// keep copies the bans of a set from where they are, with the time that each has
// left, but for those that were copied before. Sets of other types hold nothing
// that outlives a change of the profile.
func (w *setWork) keep(name, from, to string) error {
	want := w.change.Want.Sets[name]
	exists, err := dataplane.Exists(w.change.Sets, from)
	if err != nil || !exists || from == to || want.Type != ruleset.HashIP {
		return err
	}
	if w.kept[name] == nil {
		w.kept[name] = kept{}
	}
	var entries []kernelset.Entry
	for e, err := range w.change.Sets.Members(from) {
		if err != nil {
			return err
		}
		if e, news := w.kept[name].take(e); news {
			entries = append(entries, widen(e, int(want.Netmask)))
		}
	}
	return w.change.Sets.AddEntries(to, entries)
}

// take joins an entry with what is known of it: the longer time, and the larger
// counters. It reports whether that is news.
func (k kept) take(e kernelset.Entry) (joined kernelset.Entry, news bool) {
	before, there := k[e.Prefix]
	if there && before.Packets > e.Packets {
		e.Packets, e.Bytes = before.Packets, before.Bytes
	}
	if there && e.Timeout != kernelset.Forever && (before.Timeout == kernelset.Forever || before.Timeout > e.Timeout) {
		e.Timeout = before.Timeout
	}
	k[e.Prefix] = e
	return e, !there || e.Packets > before.Packets || e.Timeout != before.Timeout
}

// widen cuts an entry to the netmask of the set that it goes to.
func widen(e kernelset.Entry, netmask int) kernelset.Entry {
	if netmask > 0 && netmask < e.Prefix.Bits() {
		e.Prefix = netip.PrefixFrom(e.Prefix.Addr(), netmask).Masked()
	}
	return e
}

// replace fills another set beside one and swaps the two. A set of that name
// that an apply left behind when it was killed blocks it, and belongs to no other program.
func (w *setWork) replace(ctx context.Context, name, beside string) error {
	if err := w.change.Sets.Destroy(beside); err != nil {
		return err
	}
	if !w.change.Have.Sets[name].Swaps(w.change.Want.Sets[name].Header) {
		return w.exchange(ctx, name, beside)
	}
	w.made = append(w.made, beside)
	if err := w.fill(ctx, name, beside); err != nil {
		return err
	}
	err := w.change.Sets.Swap(name, beside)
	if err == nil || w.isNew(name) {
		w.swapped[name] = beside
	}
	if err != nil {
		return err
	}
	return w.keepLate(name, beside)
}

// isNew reports whether a set is the one that is wanted, and no more the one that
// there was: the answer of the kernel to a swap can be lost after it was done.
func (w *setWork) isNew(name string) bool {
	have, want := w.change.Have.Sets[name], w.change.Want.Sets[name]
	now, err := w.change.Sets.Lookup(name)
	if err != nil || want.Dynamic || want.Type != ruleset.HashNet { // planned for its header
		return err == nil && probe.HeaderOf(now) == want.Header && want.Header != have.Header
	}
	return holds(w.change.Sets, name, slices.Concat(want.Members.V4(), want.Members.V6())) == nil
}

// keepLate gives a set that packets fill the bans that have come elsewhere since
// it was filled.
func (w *setWork) keepLate(name, from string) error {
	if !w.change.Want.Sets[name].Dynamic {
		return nil
	}
	return w.keep(name, from, name)
}

// exchange puts a set of another type or family out of the way and makes the
// new one, since the kernel does not swap those. It can be done only while no
// rule names the set, so that no packet sees that there is none for a moment.
func (w *setWork) exchange(ctx context.Context, name, beside string) error {
	err := w.change.Sets.Rename(name, beside)
	if there, _ := dataplane.Exists(w.change.Sets, beside); there { // also where the answer was lost
		w.renamed[name] = beside
	}
	if errors.Is(err, kernelset.ErrBusy) {
		return notReplaced(w.change.Have.Sets[name])
	}
	if err != nil {
		return err
	}
	w.made = append(w.made, name)
	return w.fill(ctx, name, name)
}

func notReplaced(have state.Set) error {
	return fmt.Errorf("it has the type %s of IPv%d, and the kernel cannot replace it while rules use it; remove those rules (iptables-save lists them) and run the command again", have.Type, have.Family)
}

// undo swaps and names back and removes what was made. The rules were restored
// before, so that nothing refers to a set that goes.
func (w *setWork) undo(context.Context) error {
	var failed error
	for name, beside := range w.swapped {
		failed = errors.Join(failed, w.change.Sets.Swap(name, beside))
	}
	failed = errors.Join(failed, w.destroy(w.made))
	for name, beside := range w.renamed {
		failed = errors.Join(failed, w.change.Sets.Rename(beside, name))
	}
	return failed
}

// finish removes what was put out of the way, and the sets that the plan
// removes: no rule names them any more.
func (w *setWork) finish(context.Context) error {
	var gone []string
	var failed error
	for name := range w.swapped {
		failed = errors.Join(failed, w.keepLate(name, trial.Set(name))) // of before the trial's rules went
	}
	for _, old := range []map[string]string{w.swapped, w.renamed} {
		for _, beside := range old {
			gone = append(gone, beside)
		}
	}
	for _, s := range w.change.Plan.Changes {
		if s.Kind == plan.Set && s.Action == plan.Remove {
			gone = append(gone, s.Object)
		}
	}
	return errors.Join(failed, w.destroy(gone))
}

func (w *setWork) destroy(names []string) error {
	var failed error
	for _, name := range names {
		failed = errors.Join(failed, w.change.Sets.Destroy(name))
	}
	return failed
}
