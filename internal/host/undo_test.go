package host_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/apply"
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
	do    func(b *bench) error
}

var acts = []act{
	{"an apply", func(*bench) {}, func(b *bench) error { return second(b.apply(newSite, 0)) }},
	{"a trial", func(*bench) {}, func(b *bench) error { return second(b.apply(newSite, time.Minute)) }},
	{"a rollback", func(b *bench) { b.must(second(b.apply(newSite, 0))) }, func(b *bench) error { return second(b.apply(oldSite, 0)) }},
	{"a rollback to before", func(*bench) {}, func(b *bench) error {
		before, err := b.host.Generations.Before()
		b.must(err)
		return second(b.apply(before, 0))
	}},
}

// eachOperation does an act again and again, on a host made anew each time, with
// another of its operations broken, early (before it has done anything) and late,
// until none is left. judge gets the host as it was before the act.
func eachOperation(t *testing.T, a act, judge func(b *bench, when, before string, err error)) {
	t.Helper()
	for _, late := range []bool{false, true} {
		n := 0
		for broken := true; broken; n++ {
			b := newBench(t)
			b.must(second(b.apply(oldSite, 0)))
			a.ready(b)
			before, done := b.String(), len(b.Done)
			b.breakAt(n)
			b.Late = late
			err := a.do(b)
			broken = len(b.Done)-done > n
			when := fmt.Sprintf("%s without a fault", a.name)
			if b.Break = nil; broken {
				when = fmt.Sprintf("%s in which %q fails (operation %d, late %v)", a.name, b.Done[done+n], n, late)
			}
			judge(b, when, before, err)
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
			eachOperation(t, a, func(b *bench, when, before string, err error) {
				var reverted *apply.Reverted
				switch {
				case err == nil && strings.Contains(when, "without"):
					return
				case errors.As(err, new(*apply.Untidy)):
					b.must(b.recover())
					b.idle(when + ", when it is cleared up,")
					b.fresh(when + ", when it is cleared up,")
				case !errors.As(err, &reverted):
					b.t.Errorf("%s: %v", when, err)
				case reverted.Undo != nil:
					b.t.Errorf("%s: it cannot be undone: %v", when, reverted.Undo)
				default:
					b.is(when, before)
					b.idle(when)
					if !errors.Is(err, errBroken) || !strings.HasSuffix(err.Error(), "broken on command; the change was undone, the host is as before") {
						b.t.Errorf("%s it says %v", when, err)
					}
				}
			})
		})
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
	var before, after string
	ready := func(b *bench) {
		before = b.String()
		b.must(second(b.apply(newSite, time.Minute)))
	}
	confirm := act{"a confirm", ready, func(b *bench) error { return second(b.confirm()) }}
	done := newBench(t)
	done.must(second(done.apply(oldSite, 0)))
	done.must(second(done.apply(newSite, 0)))
	after = done.String()
	unconfirmed := 0
	eachOperation(t, confirm, func(b *bench, when, onTrial string, err error) {
		var reverted *apply.Reverted
		switch {
		case err == nil:
			b.is(when, after)
		case errors.As(err, new(*apply.Untidy)):
			b.must(b.recover())
			b.is(when+", when it is cleared up,", after)
		case errors.As(err, new(*apply.Unconfirmed)):
			unconfirmed++
			if e, err := b.journal.Read(); err != nil || !e.Pending() {
				b.t.Errorf("%s the trial does not go on: %+v, %v", when, e, err)
			}
			b.must(second(b.confirm()))
			b.is(when+", when it is tried again,", after)
		case errors.As(err, &reverted) && reverted.Undo == nil:
			b.is(when, before)
		default:
			b.t.Errorf("%s: %v", when, err)
		}
		b.idle(when)
	})
	if unconfirmed < 4 {
		t.Errorf("only %d confirms have failed before they began", unconfirmed)
	}
}

// A revert that fails half-way says so, and does the rest when it is tried again.
func TestEachFailureOfARevert(t *testing.T) {
	var before string
	ready := func(b *bench) {
		before = b.String()
		b.must(second(b.apply(newSite, time.Minute)))
	}
	eachOperation(t, act{"a revert", ready, func(b *bench) error { return second(b.revert()) }}, func(b *bench, when, _ string, err error) {
		if err == nil && !strings.Contains(when, "without") {
			b.t.Errorf("%s it says nothing", when)
		}
		if err != nil {
			if reverted, err := b.revert(); err != nil || !reverted {
				b.t.Errorf("%s, and is tried again: %v, %v", when, reverted, err)
			}
		}
		b.is(when, before)
		b.idle(when)
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
	for n, more := 0, true; more; n++ {
		b := newBench(t)
		b.must(second(b.apply(oldSite, 0)))
		a.ready(b)
		before, first := b.String(), len(b.Done)
		b.Break = func(done int, _ string) error {
			if done-first == n {
				panic(death{})
			}
			return nil
		}
		more = dies(func() { _ = a.do(b) })
		b.Break = nil
		if !more {
			return
		}
		when := fmt.Sprintf("%s killed at %q (operation %d)", a.name, b.Done[first+n], n)
		e, _ := b.journal.Read()
		if e.Phase == journal.Trial {
			e.Deadline = journal.Now()
			b.must(b.journal.Write(e))
			b.Elapse(time.Hour)
		}
		b.must(b.recover())
		b.idle(when)
		b.must(b.swept())
		b.fresh(when)
		switch e.Phase {
		case journal.Confirmed, journal.Applied:
			finished++
		case journal.Loading, journal.Trial:
			undone++
			b.is(when, before)
		}
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

// swept does what the next apply does before it begins.
func (b *bench) swept() error {
	return b.held(func(h *host.Handle) error {
		_, err := h.Plan(context.Background(), host.Target{Bundle: bundle.Seal(oldSite.Files, oldSite.Manifest)})
		return err
	})
}

// What cannot be undone is told, with what failed; revert does it later.
func TestUndoFails(t *testing.T) {
	b := newBench(t)
	b.must(second(b.apply(oldSite, 0)))
	before := b.String()
	b.Break = func(_ int, operation string) error {
		if strings.HasPrefix(operation, "write ") || operation == "ip6tables-restore" && len(b.steps) > 0 && strings.HasPrefix(b.steps[len(b.steps)-1], "undoing") {
			return errBroken
		}
		return nil
	}
	b.Sysctls[ttl] = "65"
	before = strings.Replace(before, ttl+" = 128", ttl+" = 65", 1)
	_, err := b.apply(newSite, 0)
	const says = "kernel settings: broken on command; undoing failed too: IPv6 rules: broken on command"
	if err == nil || !strings.HasPrefix(err.Error(), says) {
		t.Errorf("it says %v", err)
	}
	b.Break = nil
	if reverted, err := b.revert(); err != nil || !reverted {
		t.Errorf("reverted %v, %v", reverted, err)
	}
	b.is("after a revert", before)
	b.idle("after a revert")
}
