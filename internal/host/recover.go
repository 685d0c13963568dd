package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/tool"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// Recover ends what an apply has left under way whose process died, or whose
// trial that was not confirmed in time: what was not confirmed is reverted, what was
// goes on to its end. A trial that is pending is left alone. Every command that
// changes the host calls it first.
func (h *Handle) Recover(ctx context.Context) error {
	e, err := h.journal.Read()
	switch {
	case errors.Is(err, journal.ErrNone):
		h.site().Sweep()
		return h.recoverOrphan(ctx)
	case err != nil:
		return err
	case elsewhere(e) != nil:
		return elsewhere(e)
	case e.Phase == journal.Confirmed:
		return h.finish(ctx, e)
	case e.Phase == journal.Applied:
		h.site().ClearUp(e)
		return nil
	case e.Pending():
		// A container that starts again finds a kernel that has not booted, and
		// a network namespace in which nothing is on trial; and the clock that
		// counts from the boot is another in another time namespace.
		if live, err := h.site().Armed(); err != nil || live {
			return err
		}
	}
	if err := h.site().Revert(ctx, e); err != nil {
		return fmt.Errorf("an apply of %s was not confirmed, and could not be undone completely: %w; fix the cause and run `hardenctl revert`", e.Profile, err)
	}
	return nil
}

// recoverOrphan ends a trial whose journal somebody has removed.
func (h *Handle) recoverOrphan(ctx context.Context) error {
	if exists, err := dataplane.Exists(h.system.Sets, trial.SetNames[ruleset.V4]); err != nil || !exists {
		return err
	}
	return h.revertBlind(ctx)
}

// Revert ends the trial that is pending, or whatever an apply has left that was
// not confirmed: everything is reverted. An apply that was confirmed and died is
// completed; where it cannot be, it is abandoned, and the error is a *AbandonedError.
// Where the journal is broken the error is a *JournalLostError. The host is Reverted, or
// Unchanged if there was nothing to undo; with an error OnTrial or Incomplete.
func (h *Handle) Revert(ctx context.Context) Outcome {
	reverted, err := h.revert(ctx)
	if !reverted {
		return OutcomeOf(Unchanged, err)
	}
	return h.goesOn(OutcomeOf(Reverted, err))
}

func (h *Handle) revert(ctx context.Context) (reverted bool, err error) {
	e, err := h.journal.Read()
	switch {
	case err == nil && e.Pending() && elsewhere(e) == nil:
		return true, h.site().Revert(ctx, e)
	case errors.Is(err, journal.ErrBroken):
		return true, h.revertBroken(ctx)
	case errors.Is(err, journal.ErrNone):
		orphan, _ := dataplane.Exists(h.system.Sets, trial.SetNames[ruleset.V4]) // Recover says what is wrong with the sets
		return orphan, h.Recover(ctx)
	case err != nil:
		return false, err // Recover would read again, and leave alone a trial if it succeeds
	}
	recovered := h.Recover(ctx)
	if errors.As(recovered, new(*IncompleteError)) && !errors.Is(recovered, tool.ErrLocked) {
		return true, h.giveUp(ctx, e, recovered)
	}
	return e.Phase != journal.Confirmed && e.Phase != journal.Applied, recovered
}
