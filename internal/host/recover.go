package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/tool"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// Recover ends what an apply has left under way whose process died, or whose
// trial nobody has confirmed in time: what was not confirmed goes back, what was
// goes on to its end. A trial that is pending is left alone. Every command that
// changes the host calls it first. The caller holds the lock of apply.Lock.
func Recover(ctx context.Context, progress func(step string)) error {
	e, err := journal.Read()
	switch {
	case errors.Is(err, journal.ErrNone):
		apply.Sweep()
		return recoverOrphan(ctx, progress)
	case err != nil:
		return err
	case elsewhere(e) != nil:
		return elsewhere(e)
	case e.Phase == journal.Confirmed:
		return finish(ctx, e, progress)
	case e.Phase == journal.Applied:
		apply.ClearUp(e)
		return nil
	case e.Pending():
		// A container that starts again finds a kernel that has not booted, and
		// a network namespace in which nothing is on trial; and the clock that
		// counts from the boot is another in another time namespace.
		if live, err := apply.Armed(); err != nil || live {
			return err
		}
	}
	if err := apply.Revert(ctx, e, progress); err != nil {
		return fmt.Errorf("an apply of %s was not confirmed, and not all of it could go back: %w; mend what is in the way and run `hardenctl revert`", e.Profile, err)
	}
	return nil
}

// recoverOrphan ends a trial whose journal somebody has removed.
func recoverOrphan(ctx context.Context, progress func(step string)) error {
	if exists, err := kernelset.Exists(trial.Guards[ruleset.V4]); err != nil || !exists {
		return err
	}
	return revertBlind(ctx, progress)
}

// Revert ends the trial that is pending, or whatever an apply has left that was
// not confirmed: everything goes back. An apply that was confirmed and died goes
// on to its end; where it cannot, it is given up, and the error is a *GivenUp.
// Where the journal is broken the error is a *Blind. It says whether there was
// anything that went back. The caller holds the lock.
func Revert(ctx context.Context, progress func(step string)) (reverted bool, err error) {
	e, err := journal.Read()
	switch {
	case err == nil && e.Pending() && elsewhere(e) == nil:
		return true, apply.Revert(ctx, e, progress)
	case errors.Is(err, journal.ErrBroken):
		return true, revertBroken(ctx, progress)
	case errors.Is(err, journal.ErrNone):
		orphan, _ := kernelset.Exists(trial.Guards[ruleset.V4]) // Recover says what is wrong with the sets
		return orphan, Recover(ctx, progress)
	case err != nil:
		return false, err // Recover would read again, and leave alone a trial if it succeeds
	}
	recovered := Recover(ctx, progress)
	if errors.As(recovered, new(*Unfinished)) && !errors.Is(recovered, tool.ErrLocked) {
		return true, giveUp(ctx, e, recovered, progress)
	}
	return e.Phase != journal.Confirmed && e.Phase != journal.Applied, recovered
}
