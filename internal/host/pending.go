package host

import (
	"errors"
	"fmt"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// Pending is an apply on trial.
type Pending struct {
	// Token is the word that confirms; only who began the trial knows it.
	Token string
	// Until is when everything is reverted without a confirm.
	Until time.Time
	// Left is how much is left of the trial.
	Left time.Duration
	// Profile is what is on trial.
	Profile string
	// By is who applied, as history will say it; empty if it is not known.
	By string
}

// Pending returns the trial that is pending, without its token; ok is false if
// there is none.
func (h Host) Pending() (p Pending, ok bool, err error) {
	e, err := h.journal.Read()
	if errors.Is(err, journal.ErrNone) {
		return p, false, nil
	}
	return h.pending(e), err == nil && e.Pending(), err
}

// pending is the trial of an entry, without its token, which the journal does
// not know.
func (h Host) pending(e journal.Entry) Pending {
	return Pending{Until: e.Until(), Left: e.Left(), Profile: e.Profile, By: h.by(e)}
}

// by is who applied: the generation that is staged knows, and the journal the
// address at least.
func (h Host) by(e journal.Entry) string {
	if g, err := h.Generations.Next(); err == nil {
		return g.Who.String()
	}
	if from := e.By.From(); from.IsValid() {
		return "a user from " + from.String()
	}
	return ""
}

// String says what is on trial, whose it is, and until when.
func (p Pending) String() string {
	return fmt.Sprintf("%s is on trial until %s", p.apply(), clock(p.Until))
}

// apply says what is on trial, and whose it is.
func (p Pending) apply() string {
	what := "an apply of " + p.Profile
	if p.Profile == bundle.BeforeProfile {
		what = "a rollback to the state " + p.Profile
	}
	if p.By != "" {
		what += " by " + p.By
	}
	return what
}

// PendingError is the error of a command that a pending trial blocks.
type PendingError struct{ Pending }

// Error says what is on trial, and what ends it.
func (e *PendingError) Error() string {
	return e.String() + ": end it with `hardenctl confirm` in a new SSH session, or with `hardenctl revert`"
}

// inTheWay returns why no apply can begin now, and must wait: a *PendingError
// while a trial is pending in this kernel, an *ElsewhereError while an apply is
// under way in another network namespace. It needs no lock. A journal that cannot
// be read is told by Recover.
func (h Host) inTheWay() error {
	e, err := h.journal.Read()
	switch {
	case err != nil:
		return nil
	case elsewhere(e) != nil:
		return elsewhere(e)
	case !e.Pending():
		return nil
	}
	if live, err := h.armed(); err == nil && !live {
		return nil
	}
	return &PendingError{h.pending(e)}
}

// armed reports whether a trial counts for packets.
func (h Host) armed() (bool, error) { return apply.Site{Plane: h.system.Plane}.Armed() }

// waits reports whether an error is one that ends by itself: one of inTheWay.
func waits(err error) bool {
	return errors.As(err, new(*PendingError)) || errors.As(err, new(*ElsewhereError))
}
