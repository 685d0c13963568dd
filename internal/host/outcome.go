package host

import (
	"errors"
	"fmt"

	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// Status is what has become of a host.
type Status int

// The statuses.
const (
	// Unchanged is a host on which nothing was changed.
	Unchanged Status = iota
	// OnTrial is a host on which a trial is pending: one that has just begun, or one
	// that goes on since what was to end it has failed.
	OnTrial
	// Confirmed is a host that is what was planned, for good.
	Confirmed
	// Reverted is a host that is what it was before an apply.
	Reverted
	// Incomplete is a host that may be between the old and the new state.
	Incomplete
	// Closed is a host that a restore could not bring to what its saved files say: a
	// family is closed but for administrators, or a part could not be loaded.
	Closed
)

var statusWords = [...]string{"unchanged", "on trial", "confirmed", "reverted", "incomplete", "closed"}

// String is the status as a word.
func (s Status) String() string { return statusWords[s] }

// Outcome is what a change of a host has come to.
type Outcome struct {
	Status Status
	// Generation is the number of the generation that was made; 0 for none.
	Generation int
	// Trial is the trial that has begun; nil for none.
	Trial *Trial
	// Kept is the trial that was confirmed by Confirm.
	Kept Kept
	// Step is the part of an apply that failed; empty if none did.
	Step string
	// Err is why it did not come to what was asked for; nil if it did.
	Err error
	// Warning is what could not be cleaned up after a success; nil for nothing.
	Warning error
}

// Done reports whether the host is what was planned, if only on trial.
func (o Outcome) Done() bool { return o.Err == nil && (o.Status == OnTrial || o.Status == Confirmed) }

// OutcomeOf returns the outcome of a change that has ended with an error of this
// package or of package apply; done is the status without one.
func OutcomeOf(done Status, err error) Outcome {
	var reverted *apply.RevertedError
	isReverted := errors.As(err, &reverted)
	switch {
	case err == nil:
		return Outcome{Status: done}
	case errors.As(err, new(*apply.UntidyError)):
		return Outcome{Status: done, Warning: err}
	case incomplete(err):
		return Outcome{Status: Incomplete, Err: err}
	case isReverted && reverted.Undo != nil:
		return Outcome{Status: Incomplete, Step: reverted.Step, Err: err}
	case isReverted:
		return Outcome{Status: Reverted, Step: reverted.Step, Err: err}
	}
	return Outcome{Status: Unchanged, Err: err}
}

// incomplete reports whether an earlier apply is incomplete: one that was
// confirmed, or one whose journal cannot be read. Where only a lock was held, it
// is tried again.
func incomplete(err error) bool {
	found := errors.As(err, new(*IncompleteError)) || errors.As(err, new(*AbandonedError)) || errors.As(err, new(*JournalLostError))
	return found && !errors.Is(err, tool.ErrLocked)
}

// Busy reports whether an error is one of a lock that another program has held for
// too long, or of a trial that was pending for too long.
func Busy(err error) bool { return errors.Is(err, ErrBusy) || errors.Is(err, tool.ErrLocked) }

// UnknownEnd is the outcome of a trial that has begun, and of which it cannot be told
// how it has ended.
func UnknownEnd(err error) Outcome {
	return Outcome{Status: Incomplete, Err: fmt.Errorf("the trial is over, but the host may be between the old and the new state: %w; run `hardenctl revert`, then check with `hardenctl plan`", err)}
}

// goesOn makes Unchanged OnTrial where a trial is pending still.
func (h *Handle) goesOn(o Outcome) Outcome {
	if _, pending, _ := h.Pending(); pending && o.Status == Unchanged {
		o.Status = OnTrial
	}
	return o
}
