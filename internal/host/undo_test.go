package host_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/journal"
)

var (
	oldSite = site("web.toml", 443, "192.0.2.0/24", "203.0.113.0/24")
	newSite = site("web.toml", 8443, "198.51.100.0/24")
)

// act is a change of a host that has oldSite.
type act struct {
	name string
	// ready brings the host to where the act begins.
	ready func(b *bench)
	do    func(b *bench) host.Outcome
}

var acts = []act{
	{"an apply", func(*bench) {}, func(b *bench) host.Outcome { return b.apply(newSite, 0) }},
	{"a trial", func(*bench) {}, func(b *bench) host.Outcome { return b.apply(newSite, time.Minute) }},
	{"a rollback", func(b *bench) { b.comes(host.Confirmed, b.apply(newSite, 0)) }, func(b *bench) host.Outcome { return b.apply(oldSite, 0) }},
	{"an apply that no longer states a setting", func(*bench) {}, func(b *bench) host.Outcome { return b.apply(stating("database.toml"), 0) }},
	{"a rollback to before", func(*bench) {}, func(b *bench) host.Outcome {
		before, err := b.host.Generations.Before()
		b.must(err)
		return b.apply(before, 0)
	}},
}

// fault is an act in which an operation has failed, or none.
type fault struct {
	*bench
	when    string // in words
	none    bool   // whether there was no fault
	before  string // the machine before the act
	outcome host.Outcome
}

// eachOperation does an act again and again, on a host made anew each time, with
// another of its operations broken, early (before it has done anything) and late,
// until none is left.
func eachOperation(t *testing.T, a act, judge func(f fault)) {
	t.Helper()
	for _, late := range []bool{false, true} {
		n := 0
		for broken := true; broken; n++ {
			b := newBench(t)
			b.comes(host.Confirmed, b.apply(oldSite, 0))
			a.ready(b)
			before, done := b.String(), len(b.Done)
			b.breakAt(n)
			b.Late = late
			o := a.do(b)
			broken = len(b.Done)-done > n
			when := a.name + " without a fault"
			if b.Break = nil; broken {
				when = fmt.Sprintf("%s in which %q fails (operation %d, late %v)", a.name, b.Done[done+n], n, late)
			}
			judge(fault{b, when, !broken, before, o})
		}
		if n < 10 {
			t.Errorf("%s has only %d operations", a.name, n)
		}
	}
}

// Whatever fails in an apply, all of it is undone, and the error says so; or what
// failed was of the clearing up after it, and the next command does that.
func TestEachFailureIsUndone(t *testing.T) {
	for _, a := range acts {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			eachOperation(t, a, fault.isUndone)
		})
	}
}

func (f fault) isUndone() {
	f.t.Helper()
	switch o := f.outcome; {
	case o.Done() && o.Warning != nil:
		f.must(f.recover())
		f.idle(f.when + ", when it is cleared up,")
		f.fresh(f.when + ", when it is cleared up,")
	case o.Done() && f.none:
	case o.Status != host.Reverted || o.Step == "":
		f.t.Errorf("%s: the host is %v: %v", f.when, o.Status, o.Err)
	default:
		f.is(f.when, f.before)
		f.idle(f.when)
		if !errors.Is(o.Err, errBroken) || !strings.HasSuffix(o.Err.Error(), "broken on command; the change was undone, the host is as before") {
			f.t.Errorf("%s it says %v", f.when, o.Err)
		}
	}
}

// fresh makes sure that nothing of a trial is left on the machine, nor beside files.
func (b *bench) fresh(when string) {
	b.t.Helper()
	for _, left := range []string{"hardenctl_", "HARDENCTL_", "hardenctl-tmp", "left beside"} {
		if strings.Contains(b.String(), left) {
			b.t.Errorf("%s there is %s in\n%s", when, left, b)
		}
	}
}

// Whatever fails in a confirm: the trial goes on, or the host is as it was before
// the apply, or it is confirmed.
func TestEachFailureOfAConfirm(t *testing.T) {
	var before string
	ready := func(b *bench) {
		before = b.String()
		b.comes(host.OnTrial, b.apply(newSite, time.Minute))
	}
	done := newBench(t)
	done.comes(host.Confirmed, done.apply(oldSite, 0))
	done.comes(host.Confirmed, done.apply(newSite, 0))
	after, goOn := done.String(), 0
	eachOperation(t, act{"a confirm", ready, (*bench).confirm}, func(f fault) {
		switch o := f.outcome; o.Status {
		case host.Confirmed:
			f.must(f.recover())
			f.is(f.when+", when it is cleared up,", after)
		case host.OnTrial:
			goOn++
			if e, err := f.journal.Read(); o.Err == nil || err != nil || !e.Pending() {
				f.t.Errorf("%s: %v; the trial does not go on: %+v, %v", f.when, o.Err, e, err)
			}
			f.comes(host.Confirmed, f.confirm())
			f.is(f.when+", when it is tried again,", after)
		case host.Reverted:
			f.is(f.when, before)
		default:
			f.t.Errorf("%s: the host is %v: %v", f.when, o.Status, o.Err)
		}
		f.idle(f.when)
	})
	if goOn < 4 {
		t.Errorf("only %d confirms have failed before they began", goOn)
	}
}

// A revert that fails half-way says so, and does the rest when it is tried again.
func TestEachFailureOfARevert(t *testing.T) {
	var before string
	ready := func(b *bench) {
		before = b.String()
		b.comes(host.OnTrial, b.apply(newSite, time.Minute))
	}
	eachOperation(t, act{"a revert", ready, (*bench).revert}, func(f fault) {
		if f.none != (f.outcome.Err == nil) {
			f.t.Errorf("%s it says %v", f.when, f.outcome.Err)
		}
		if !f.none {
			f.comes(host.Reverted, f.revert())
		}
		f.is(f.when, before)
		f.idle(f.when)
	})
}

// death is what a process ends with that is killed.
type death struct{}

// Wherever a process is killed, the next command brings the host to what it was, or
// to what it was to become if that was confirmed.
func TestKilledAtEachOperation(t *testing.T) {
	for _, a := range acts {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			killedAtEach(t, a)
		})
	}
}

func killedAtEach(t *testing.T, a act) {
	finished, undone := 0, 0
	for n := 0; ; n++ {
		b := newBench(t)
		b.comes(host.Confirmed, b.apply(oldSite, 0))
		a.ready(b)
		before, first := b.String(), len(b.Done)
		b.Break = func(done int, _ string) error {
			if done-first == n {
				panic(death{})
			}
			return nil
		}
		killed := dies(func() { a.do(b) })
		if b.Break = nil; !killed {
			break
		}
		when := fmt.Sprintf("%s killed at %q (operation %d)", a.name, b.Done[first+n], n)
		e := b.afterwards()
		b.idle(when)
		b.fresh(when)
		if e.Phase == journal.Confirmed || e.Phase == journal.Applied {
			finished++
			continue
		}
		undone++
		b.is(when, before)
	}
	if undone < 10 || a.name != "a trial" && finished < 10 {
		t.Errorf("%s was undone %d times, and finished %d times", a.name, undone, finished)
	}
}

// dies reports whether a function dies.
func dies(do func()) (died bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, died = p.(death); !died {
				panic(p)
			}
		}
	}()
	do()
	return false
}

// afterwards is an hour after a process was killed, when the next command is run. It
// returns the journal's entry before that.
func (b *bench) afterwards() journal.Entry {
	b.t.Helper()
	e, _ := b.journal.Read()
	if e.Phase == journal.Trial {
		e.Deadline = journal.Now()
		b.must(b.journal.Write(e))
	}
	if e.Phase != journal.Confirmed {
		b.Elapse(time.Hour)
	}
	b.must(b.held(func(h *host.Handle) error {
		if err := h.Recover(context.Background()); err != nil {
			return err
		}
		_, err := h.Plan(context.Background(), host.Target{Bundle: oldSite})
		return err
	}))
	return e
}

// What cannot be undone is told, with what failed; revert does it later.
func TestUndoFails(t *testing.T) {
	b := newBench(t)
	b.comes(host.Confirmed, b.apply(oldSite, 0))
	b.Settings[ttl] = "65"
	before := b.String()
	b.Break = func(_ int, operation string) error {
		undoing := len(b.steps) > 0 && strings.HasPrefix(b.steps[len(b.steps)-1], "undoing")
		if strings.HasPrefix(operation, "write ") || operation == "ip6tables-restore" && undoing {
			return errBroken
		}
		return nil
	}
	o := b.apply(newSite, 0)
	const says = "kernel settings: broken on command; undoing failed too: IPv6 rules: broken on command"
	if o.Status != host.Incomplete || o.Step != "kernel settings" || !strings.HasPrefix(o.Err.Error(), says) {
		t.Errorf("the host is %v, step %q: %v", o.Status, o.Step, o.Err)
	}
	b.Break = nil
	b.comes(host.Reverted, b.revert())
	b.is("after a revert", before)
	b.idle("after a revert")
}
