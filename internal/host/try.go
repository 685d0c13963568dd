package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/login"
	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// MinTrial is the shortest trial: the kernel counts whole seconds.
const MinTrial = time.Second

// MaxTrial is the longest trial. A user who is locked out waits so long.
const MaxTrial = 24 * time.Hour

// atOnce is how long the kernel waits for a confirm that this process gives
// itself: it matters only if the process dies before.
const atOnce = time.Minute

// try moves the host to what the reading wants, on trial: unless Confirm is
// called within the time, everything is reverted. Errors are as in applyAtOnce.
func (h *Handle) try(ctx context.Context, r *Reading, within time.Duration) (Pending, error) {
	token, err := newToken()
	if err != nil {
		return Pending{}, err
	}
	t := apply.Trial{
		Entry:  journal.Entry{Token: journal.Hash(token), By: login.Current()},
		Within: within, Watch: h.system.Watch,
	}
	if err := h.change(r).Try(ctx, &t); err != nil {
		return Pending{}, err
	}
	p := h.pending(t.Entry)
	p.Token = token
	return p, nil
}

// applyAtOnce moves the host to what the reading wants: a trial and its confirm in
// one. It returns the number of the generation that was staged for it, 0 for none.
// An error that is a *apply.RevertedError says whether the host is as it was; one that
// is a *apply.UntidyError that the host is what the reading wants.
func (h *Handle) applyAtOnce(ctx context.Context, r *Reading) (generation int, err error) {
	t := apply.Trial{Within: atOnce}
	if err := h.change(r).Try(ctx, &t); err != nil {
		return 0, err
	}
	if err = r.readAgain(ctx); err == nil {
		generation, err = h.change(r).Confirm(ctx, t.Entry)
	}
	var unconfirmed *apply.UnconfirmedError
	switch {
	case errors.As(err, &unconfirmed):
		undo := h.site().Revert(context.WithoutCancel(ctx), t.Entry)
		return 0, &apply.RevertedError{Step: unconfirmed.Step, Cause: unconfirmed.Cause, Undo: undo}
	case err != nil && !errors.As(err, new(*apply.RevertedError)) && !errors.As(err, new(*apply.UntidyError)):
		undo := h.site().Revert(context.WithoutCancel(ctx), t.Entry)
		return 0, &apply.RevertedError{Step: "reading the trial", Cause: err, Undo: undo}
	}
	return generation, err
}

// readAgain reads the host again, and plans from what it has now. What is wanted
// has been rehearsed before.
func (r *Reading) readAgain(ctx context.Context) error {
	if _, err := r.readLive(ctx); err != nil {
		return err
	}
	if err := r.readFiles(); err != nil {
		return err
	}
	r.Plan = plan.Compare(r.Have, r.Want, r.Bundle.Manifest)
	return nil
}

func (h *Handle) change(r *Reading) apply.Transition {
	return apply.Transition{
		Site:   h.site(),
		Bundle: r.Bundle, Tools: r.Tools, Have: r.Have, Want: r.Want, Plan: r.Plan, Restored: r.released.restored,
	}
}

// trialNotes says what a reader of a plan should know of an apply that is under
// way.
func (r *Reading) trialNotes() []string {
	e, err := r.host.journal.Read()
	switch {
	case errors.Is(err, journal.ErrNone):
		return nil
	case err != nil:
		return []string{"the journal of applies cannot be read: " + err.Error()}
	case elsewhere(e) != nil:
		return []string{elsewhere(e).Error()}
	case r.unsettled != nil:
		return []string{fmt.Sprintf("%s, but the trial's rules cannot be read (%v): this plan compares with the old and the new rules together", r.trial, r.unsettled)}
	case r.trial != nil:
		return []string{fmt.Sprintf("%s: this plan compares with the state on trial; no other apply can start before the trial ends", r.trial)}
	case e.Phase == journal.Applied:
		return []string{fmt.Sprintf("the apply of %s could not be cleaned up completely; the next apply, or `hardenctl revert`, tries again", e.Profile)}
	}
	return []string{fmt.Sprintf("an apply of %s did not finish or was not confirmed, and is not cleaned up yet: the next apply, or `hardenctl revert`, does that", e.Profile)}
}

// clock is a time as people say it.
func clock(t time.Time) string { return t.Format("15:04:05") }
