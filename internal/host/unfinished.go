package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// IncompleteError is the error of an apply that was confirmed, whose process died, and
// which cannot be brought to its end now: the new rules count, under a trial set that
// does not end, and not all files are written. It is tried again by every command
// that changes the host.
type IncompleteError struct {
	Profile string
	Cause   error
	// Folder is that of the journal, which has what is left to do.
	Folder string
}

// Error says what blocks it, and the two ways out.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("the apply of %s was confirmed but is incomplete: %v; fix the cause and run any command that changes the host to complete it, or abandon it with `hardenctl revert` (%s lists what is left to do)", e.Profile, e.Cause, e.Folder)
}

// Unwrap returns what blocks it.
func (e *IncompleteError) Unwrap() error { return e.Cause }

// AbandonedError is the error of an apply that was confirmed, could not be brought to its
// end and was given up. What was still on trial is undone, and nothing is
// under way any more; what was in place already stays.
type AbandonedError struct {
	Profile string
	// Cause is why it could not be brought to its end.
	Cause error
}

// Error says what there is now, and what to do.
func (e *AbandonedError) Error() string {
	return fmt.Sprintf("the apply of %s was confirmed but could not be completed: %v; it was abandoned. What was on trial is undone, but rules, sets and files that were already replaced are new: check with `hardenctl plan`, then apply the profile that you want", e.Profile, e.Cause)
}

// Unwrap returns the cause.
func (e *AbandonedError) Unwrap() error { return e.Cause }

// finish goes on with an apply that was confirmed.
func (h *Handle) finish(ctx context.Context, e journal.Entry) error {
	err := h.finishBundle(ctx, e)
	if err == nil || errors.As(err, new(*apply.UntidyError)) {
		return nil
	}
	return &IncompleteError{e.Profile, stepError(err), h.journal.Folder}
}

func (h *Handle) finishBundle(ctx context.Context, e journal.Entry) error {
	b, err := h.journal.Bundle()
	if err != nil {
		return err
	}
	r, err := h.readAlone(ctx, b)
	if err != nil {
		return err
	}
	return h.change(r).Finish(ctx, e)
}

// stepError is what a step has failed of. That it was undone, which is what an
// *apply.RevertedError says, says nothing of the host: that is still half-way.
func stepError(err error) error {
	var reverted *apply.RevertedError
	if !errors.As(err, &reverted) {
		return err
	}
	err = fmt.Errorf("%s: %w", reverted.Step, reverted.Cause)
	if reverted.Undo != nil {
		err = errors.Join(err, fmt.Errorf("undoing failed too: %w", reverted.Undo))
	}
	return err
}

// giveUp ends an apply that was confirmed and cannot be finished. The journal
// says first that it is reverted from now on, in case that it does not get to the
// end of that either.
func (h *Handle) giveUp(ctx context.Context, e journal.Entry, unfinished error) error {
	var u *IncompleteError
	errors.As(unfinished, &u)
	e.Phase = journal.Loading
	if err := h.journal.Write(e); err != nil {
		return fmt.Errorf("%w; giving it up: %w", unfinished, err)
	}
	if err := h.site().Revert(ctx, e); err != nil {
		return fmt.Errorf("%w; giving it up: %w", unfinished, err)
	}
	return &AbandonedError{u.Profile, u.Cause}
}
