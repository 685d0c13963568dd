// Package apply moves a host to what a plan wants: all of it or nothing.
//
// It does so in two halves. Try makes the new rules live beside the old ones,
// guarded by a set whose entries time out (package trial), so that the kernel
// by itself returns to the old rules. Confirm makes the new rules the only
// ones and writes the files, so that a reboot before boots the old state.
// Revert ends a trial before, or after its time. What the kernel does not undo
// by itself is in a journal (package journal), so that Revert and
// Confirm can run in another process than Try, after that has died at any
// moment.
//
// Each half is a list of steps, each of which can be undone. They run in an
// order in which the host is never more open than before or after: sets first,
// since rules name them; rules, one transaction for each table; kernel
// settings; then everything is read back and compared; files last. If a step
// fails, that step and those before it are undone, last first. Undoing
// starts from what is there at that moment, not from what should be there,
// since a step may have failed half-way.
package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// step is one part of an apply.
type step struct {
	name string
	// do makes the change. It may fail half-way.
	do func(context.Context) error
	// undo undoes what do did, all or any part of it.
	undo func(context.Context) error
	// finish clears up what undo needed, after every step has succeeded.
	finish func(context.Context) error
}

// RevertedError is the error of an apply that failed and was undone. Undo is nil if
// the host is as it was; else it says what could not be undone.
type RevertedError struct {
	Step  string
	Cause error
	Undo  error
}

// Error says what failed, and what became of the host.
func (e *RevertedError) Error() string {
	if e.Undo == nil {
		return fmt.Sprintf("%s: %v; the change was undone, the host is as before", e.Step, e.Cause)
	}
	return fmt.Sprintf("%s: %v; undoing failed too: %v", e.Step, e.Cause, e.Undo)
}

// Unwrap returns the cause.
func (e *RevertedError) Unwrap() error { return e.Cause }

// UntidyError is the error of an apply that succeeded and left something behind: the
// new state is live and saved. ClearUp removes what is left.
type UntidyError struct{ Err error }

// Error says what was left behind.
func (e *UntidyError) Error() string {
	return fmt.Sprintf("the new state is live and saved, but could not be cleaned up completely: %v; the next apply, or `hardenctl revert`, tries again", e.Err)
}

// Unwrap returns what went wrong.
func (e *UntidyError) Unwrap() error { return e.Err }

// run does the steps in order, or none of them.
func (site Site) run(ctx context.Context, steps []step) error {
	for i, s := range steps {
		site.Progress(s.name)
		err := ctx.Err() // a signal, between two steps
		if err == nil {
			err = s.do(context.WithoutCancel(ctx)) // a step that began is not cut off
		}
		if err != nil {
			return &RevertedError{Step: s.name, Cause: err, Undo: site.revert(ctx, steps[:i+1])}
		}
	}
	return finish(ctx, steps)
}

// revert undoes steps, last first. It goes on after a failure: what can be
// undone is.
func (site Site) revert(ctx context.Context, steps []step) error {
	var failed error
	for _, s := range slices.Backward(steps) {
		if s.undo == nil {
			continue
		}
		site.Progress("undoing: " + s.name)
		if err := s.undo(context.WithoutCancel(ctx)); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return failed
}

// finish clears up after every step, whatever fails: the error is an *UntidyError.
func finish(ctx context.Context, steps []step) error {
	var failed error
	for _, s := range steps {
		if s.finish == nil {
			continue
		}
		if err := s.finish(context.WithoutCancel(ctx)); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	if failed != nil {
		return &UntidyError{failed}
	}
	return nil
}
