package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// Pending is an apply on trial.
type Pending struct {
	// Token is the word that confirms; only who began the trial knows it.
	Token string
	// Until is when everything goes back without a confirm.
	Until time.Time
	// Left is how much is left of the trial.
	Left time.Duration
	// Profile is what is on trial.
	Profile string
	// By is who applied, as history will say it; empty if it is not known.
	By string
}

// Trial returns the trial that is pending, without its token; ok is false if
// there is none.
func Trial() (p Pending, ok bool, err error) {
	e, err := journal.Read()
	if errors.Is(err, journal.ErrNone) {
		return p, false, nil
	}
	return pending(e), err == nil && e.Pending(), err
}

// pending is the trial of an entry, without its token, which the journal does
// not know.
func pending(e journal.Entry) Pending {
	return Pending{Until: e.Until(), Left: e.Left(), Profile: e.Profile, By: by(e)}
}

// by is who applied: the generation that is staged knows, and the journal the
// address at least.
func by(e journal.Entry) string {
	if g, err := generation.Host.Next(); err == nil {
		return g.Who.String()
	}
	if from, _, _ := strings.Cut(e.By.SSH, " "); from != "" {
		return "somebody from " + from
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
		what = "a rollback to what was there " + p.Profile
	}
	if p.By != "" {
		what += " by " + p.By
	}
	return what
}

// PendingError is the error of a command that a pending trial is in the way of.
type PendingError struct{ Pending }

// Error says what is on trial, and what ends it.
func (e *PendingError) Error() string {
	return e.String() + ": end it with `hardenctl confirm` from a new login, or with `hardenctl revert`"
}

// Ready recovers, and refuses if a trial is pending, here or in another network
// namespace: see InTheWay. The caller holds the lock.
func Ready(ctx context.Context, progress func(step string)) error {
	if err := Recover(ctx, progress); err != nil {
		return err
	}
	return InTheWay()
}

// InTheWay returns why no apply can begin now, and must wait: a *PendingError
// while a trial is pending in this kernel, an *ElsewhereError while an apply is
// under way in another network namespace. It needs no lock. A journal that cannot
// be read is told by Ready.
func InTheWay() error {
	e, err := journal.Read()
	switch {
	case err != nil:
		return nil
	case elsewhere(e) != nil:
		return elsewhere(e)
	case !e.Pending():
		return nil
	}
	if live, err := apply.Armed(); err == nil && !live {
		return nil
	}
	return &PendingError{pending(e)}
}

// Waits reports whether an error is one that ends by itself: one of InTheWay.
func Waits(err error) bool {
	return errors.As(err, new(*PendingError)) || errors.As(err, new(*ElsewhereError))
}
