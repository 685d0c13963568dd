package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/watchdog"
)

// Target is what an apply moves the host to, and where that comes from.
type Target struct {
	Bundle *bundle.Bundle
	// Saved is the plan that holds the bundle; nil if there is none.
	Saved *SavedPlan
	// Sources is what the bundle was compiled from.
	Sources []generation.Source
	// From is the generation that is rolled back to; 0 for none.
	From int
	// Command is the command as it was called, for the history.
	Command []string
}

// Apply applies a reading of Plan, on trial for the time within, or for good if that
// is 0, and keeps it as a generation once it is for good. The host is OnTrial,
// Confirmed, Reverted, Incomplete, or Unchanged if it failed before it began.
func (h *Handle) Apply(ctx context.Context, r *Reading, t Target, within time.Duration) Outcome {
	if err := h.stage(r, t); err != nil {
		return OutcomeOf(Unchanged, err)
	}
	o := h.applyStaged(ctx, r, within)
	if !o.Done() {
		o.Err = errors.Join(o.Err, h.discard())
	}
	return o
}

func (h *Handle) applyStaged(ctx context.Context, r *Reading, within time.Duration) Outcome {
	if within > 0 {
		begun, err := h.begin(ctx, r, within)
		o := OutcomeOf(OnTrial, err)
		o.Trial = begun
		return o
	}
	number, err := h.applyAtOnce(ctx, r)
	o := OutcomeOf(Confirmed, err)
	o.Generation = number
	return o
}

// GiveBack keeps a rollback to what the host had before hardenctl that finds
// nothing to change, as where somebody has taken all of it out by hand: without a
// generation of it the next boot would close the host. For any other target it
// does nothing.
func (h *Handle) GiveBack(r *Reading, t Target) error {
	if !t.Bundle.Manifest.Before {
		return nil
	}
	if newest, _, err := h.Generations.Newest(); err != nil || newest.Manifest.Before {
		return err
	}
	if err := h.stage(r, t); err != nil {
		return err
	}
	_, err := h.Generations.Commit()
	return err
}

// stage writes the generation that an apply will make, before it changes
// anything: a disk that is full refuses the apply then.
func (h *Handle) stage(r *Reading, t Target) error {
	err := h.Generations.Stage(generation.Content{
		Bundle: t.Bundle, Sources: t.Sources, Before: r.Have, Originals: r.originals(), Changes: r.Plan.Summary, From: t.From,
		When: time.Now(), Who: generation.Caller(), Command: t.Command,
	})
	if errors.Is(err, unix.ENOSPC) {
		err = fmt.Errorf("%w; make room in %s", err, h.Generations.Folder)
	}
	if err != nil {
		return fmt.Errorf("%w. Nothing was changed", err)
	}
	return nil
}

// discard removes the generation that was staged for an apply that has failed,
// unless the journal says that it is still under way: one that was confirmed
// becomes a generation when the next command completes it.
func (h *Handle) discard() error {
	if _, err := h.journal.Read(); !errors.Is(err, journal.ErrNone) {
		return nil
	}
	return h.Generations.Discard()
}

// begin begins a trial.
func (h *Handle) begin(ctx context.Context, r *Reading, within time.Duration) (*Trial, error) {
	staged, err := h.Generations.Staged()
	if err != nil {
		return nil, err
	}
	p, err := h.try(ctx, r, within)
	if err != nil {
		return nil, errors.Join(err, staged.Close())
	}
	return &Trial{p, h.Host, staged}, nil
}

// Trial is a trial that this process has begun.
type Trial struct {
	Pending
	host   Host
	staged *generation.Staged
}

// Ended says what has become of a trial that is over. The host may have been
// changed again since, so that only the generation tells: it is kept once the
// trial was confirmed, and discarded once it was undone. The host was Confirmed or
// Reverted, or is Incomplete.
func (t *Trial) Ended(ctx context.Context) Outcome {
	number, err := t.staged.Number()
	if errors.Is(err, generation.ErrStaged) {
		if err = t.host.EndTrial(context.WithoutCancel(ctx), time.Minute); err == nil {
			number, err = t.staged.Number()
		}
	}
	switch {
	case err == nil:
		return Outcome{Status: Confirmed, Generation: number}
	case errors.Is(err, generation.ErrNone):
		return OutcomeOf(Reverted, &apply.RevertedError{Step: "trial", Cause: errors.New("it was not confirmed in time")})
	}
	return UnknownEnd(err)
}

// EndTrial does what a watchdog does: it ends the trial whose time is over, or
// waits for the command that does so, no longer than the time given.
func (h Host) EndTrial(ctx context.Context, wait time.Duration) error {
	held, err := h.Open(ctx, Wait{Limit: wait})
	if err != nil {
		return err
	}
	defer held.Close()
	return held.Recover(context.WithoutCancel(ctx))
}

// WatchTrial is the watchdog: it waits until the trial that is pending is over, and
// ends it then, again and again if that fails. A confirm that is under way holds
// the lock, and has its time. tell is told of each try that failed, and when the
// next is.
func (h Host) WatchTrial(ctx context.Context, tell func(err error, next time.Duration)) error {
	if err := watchdog.Wait(ctx, h.journal); err != nil {
		return err
	}
	return watchdog.Insist(ctx, func() error { return h.EndTrial(ctx, 10*time.Minute) }, tell)
}
