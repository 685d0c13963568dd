package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/lock"
)

// ErrBusy is the error of a wait for another hardenctl, or for the end of a trial,
// that has taken too long. Nothing was changed.
var ErrBusy = lock.ErrBusy

// Handle is a host whose lock this process holds: no other hardenctl changes it
// until Close. What changes a host is a method of its handle.
type Handle struct {
	Host
	progress func(step string)
	release  func()
}

// Wait says how to wait for the lock, and where to report it.
type Wait struct {
	// Limit is how long to wait, all in all.
	Limit time.Duration
	// Progress is told what is waited for, after a second, and later each step of
	// what the handle does; nil reports nothing.
	Progress func(step string)
	// Mended is told if others could hold the lock, which was made anew then; nil
	// reports nothing.
	Mended func(what string)
}

// Open takes the lock. If it is not free in time, the error is an ErrBusy. A process
// that may not change the firewall gets the error ErrNotRoot.
func (h Host) Open(ctx context.Context, w Wait) (*Handle, error) {
	if err := h.system.Permitted(); err != nil {
		return nil, err
	}
	w = w.orSilent()
	waiting := time.AfterFunc(time.Second, func() { w.Progress("waiting for another hardenctl: " + h.lock.Holder()) })
	defer waiting.Stop()
	ctx, cancel := context.WithTimeout(ctx, w.Limit)
	defer cancel()
	release, err := h.lock.Take(ctx, w.Mended)
	if err != nil {
		return nil, err
	}
	return &Handle{h, w.Progress, release}, nil
}

// Close releases the lock.
func (h *Handle) Close() { h.release() }

// OpenIdle takes the lock when nothing is under way any more, for an apply. What a
// process that died has left is finished or reverted first. Errors are as in Open,
// where a trial takes too long too, and what Recover says.
func (h Host) OpenIdle(ctx context.Context, w Wait) (*Handle, error) {
	return h.openWhen(ctx, w, func(held *Handle) error { return held.ready(ctx) })
}

// OpenAtBoot takes the lock when no trial is pending, for a restore, which ends by
// itself whatever else is under way. Errors are as in Open.
func (h Host) OpenAtBoot(ctx context.Context, w Wait) (*Handle, error) {
	return h.openWhen(ctx, w, func(held *Handle) error { return held.onTrial() })
}

// openWhen takes the lock when ready, which is called with it, finds nothing that
// ends by itself. While it waits for a trial it holds no lock, so that this can be
// confirmed and ended.
func (h Host) openWhen(ctx context.Context, w Wait, ready func(*Handle) error) (*Handle, error) {
	w = w.orSilent()
	end := time.Now().Add(w.Limit)
	for {
		w.Limit = time.Until(end)
		held, err := h.Open(ctx, w)
		if err != nil {
			return nil, err
		}
		err = ready(held)
		if err == nil {
			return held, nil
		}
		held.Close()
		if !waits(err) {
			return nil, err
		}
		if !h.awaitEnd(ctx, end, func() { w.Progress("waiting for the trial to end: " + err.Error()) }) {
			return nil, &busyError{err}
		}
	}
}

// awaitEnd waits until no trial is pending, and reports whether that came
// before the end. After a second it says once what it waits for.
func (h Host) awaitEnd(ctx context.Context, end time.Time, say func()) bool {
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	waiting := time.AfterFunc(time.Second, say)
	defer waiting.Stop()
	for h.inTheWay() != nil {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return ctx.Err() == nil
}

func (w Wait) orSilent() Wait {
	if w.Progress == nil {
		w.Progress = func(string) {}
	}
	if w.Mended == nil {
		w.Mended = func(string) {}
	}
	return w
}

// busyError is an ErrBusy about a trial.
type busyError struct{ trial error }

// Error says which trial, and what ends it.
func (e *busyError) Error() string { return e.trial.Error() }

// Is makes errors.Is(err, ErrBusy) true.
func (e *busyError) Is(target error) bool { return target == ErrBusy }

// Unwrap returns the trial's error.
func (e *busyError) Unwrap() error { return e.trial }

// site is where an apply of this host works.
func (h *Handle) site() apply.Site {
	return apply.Site{Plane: h.system.Plane, Journal: h.journal, Generations: h.Generations, Progress: h.progress}
}

// ready recovers, and refuses if a trial is pending, here or in another network
// namespace: see inTheWay.
func (h *Handle) ready(ctx context.Context) error {
	if err := h.Recover(ctx); err != nil {
		return err
	}
	return h.inTheWay()
}

// onTrial returns the error of a trial that is pending in this kernel.
func (h Host) onTrial() error {
	var trial *PendingError
	if errors.As(h.inTheWay(), &trial) {
		return trial
	}
	return nil
}

// Accept keeps the word of a person that applies may go on after the rollback of
// that number.
func (h *Handle) Accept(number int) error { return h.Generations.Accept(number) }

// Plan reads what an apply of a target would change, and removes what one that was
// killed has left beside the files. Its sets need no handling: no profile has
// them, and the plan removes them. The error is ErrMoved if the target is a saved
// plan and the host has changed since, and else that of Read.
func (h *Handle) Plan(ctx context.Context, t Target) (*Reading, error) {
	r, err := h.Read(ctx, t.Bundle)
	if err != nil {
		return nil, err
	}
	if t.Saved != nil {
		if err := t.Saved.Match(r); err != nil {
			return r, err
		}
	}
	if err := r.clearUp(); err != nil {
		return r, fmt.Errorf("cannot remove what a killed apply left behind: %w", err)
	}
	return r, nil
}
