package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/login"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// Refusals of a confirm. Nothing was changed.
var (
	ErrNoTrial   = errors.New("no trial is pending")
	ErrToken     = errors.New("wrong token: this is not the token of the pending trial")
	ErrSameLogin = errors.New("this is, or may be, the login that ran apply, so it does not prove that you can log in")
	ErrOldLogin  = errors.New("this login began before the apply, so it does not prove that you can log in now")
)

// Confirmation is the word that ends a trial.
type Confirmation struct {
	// Token is the word that Try gave; empty for the trial that is pending.
	Token string
	// SameSession lets a login confirm that proves nothing: the one that applied,
	// or one that is older than the trial.
	SameSession bool
}

// Kept is a trial that was confirmed.
type Kept struct {
	// Apply is what was on trial and whose it was: "an apply of web.toml by alice".
	Apply string
	// Profile is what was on trial, By who applied it; empty if it is not known.
	Profile, By string
	// Unloaded says what to do for the saved files to be loaded at boot; empty if
	// they will be.
	Unloaded []string
}

// Confirm makes the state that is on trial the only one, and saves it. The host is
// Confirmed; OnTrial, if it failed before it began, with one of the errors above or
// since somebody has changed what the trial made; Unchanged without a trial;
// Reverted, or Incomplete.
func (h *Handle) Confirm(ctx context.Context, c Confirmation) Outcome {
	e, r, err := h.toConfirm(ctx, c)
	if err != nil {
		return h.goesOn(OutcomeOf(Unchanged, err))
	}
	kept := Kept{Apply: h.pending(e).apply(), Profile: e.Profile, By: h.by(e), Unloaded: h.system.Unloaded(r)}
	number, err := h.change(r).Confirm(ctx, e)
	o := h.goesOn(OutcomeOf(Confirmed, err))
	o.Generation, o.Kept = number, kept
	return o
}

// toConfirm returns what is confirmed, and the host that is as the trial made it.
func (h *Handle) toConfirm(ctx context.Context, c Confirmation) (e journal.Entry, r *Reading, err error) {
	if err := h.Recover(ctx); err != nil {
		return e, nil, err
	}
	if e, err = h.confirmable(c); err != nil {
		return e, nil, err
	}
	b, err := h.journal.Bundle()
	if err != nil {
		return e, nil, err
	}
	if r, err = h.readAlone(ctx, b); err != nil {
		return e, nil, err
	}
	if err := r.onTrial(e); err != nil {
		return e, nil, fmt.Errorf("someone has changed the host since the apply: %w; nothing was changed, and the trial continues until %s. To end it now, run `hardenctl revert`; then apply the profile again", err, clock(e.Until()))
	}
	return e, r, nil
}

// confirmable returns the entry that is confirmed, or refuses before the host is
// read.
func (h *Handle) confirmable(c Confirmation) (journal.Entry, error) {
	e, err := h.journal.Read()
	switch {
	case errors.Is(err, journal.ErrNone):
		return e, h.noTrial()
	case err != nil:
		return e, err
	case !e.Pending():
		return e, h.noTrial()
	case elsewhere(e) != nil:
		return e, elsewhere(e)
	case c.Token != "" && journal.Hash(c.Token) != e.Token:
		return e, fmt.Errorf("%w (an apply of %s, until %s): check the token, or run `hardenctl confirm` without a token to confirm that trial", ErrToken, e.Profile, clock(e.Until()))
	case c.SameSession:
		return e, nil
	}
	if err := unproven(e); err != nil {
		return e, fmt.Errorf("%w: open a new SSH session and run `hardenctl confirm` there before %s; if you are sure that you can log in, add --same-session", err, clock(e.Until()))
	}
	return e, nil
}

// noTrial is an ErrNoTrial that says what may have become of the trial, and what to
// do.
func (h *Handle) noTrial() error {
	if _, _, err := h.Generations.Newest(); errors.Is(err, generation.ErrNone) {
		return fmt.Errorf("%w, and no apply was confirmed on this host so far. If one was on trial, its time was over and the change was undone. Apply the profile again with --confirm-within 5m", ErrNoTrial)
	}
	return fmt.Errorf("%w: it was already confirmed (see `hardenctl history`), or its time was over and the change was undone. In that case apply the profile again", ErrNoTrial)
}

// unproven says why the login that runs this process does not prove that the
// rules on trial let anybody in; nil if it does. The kernel tells when a process
// started in whole ticks of a clock, rounded down.
func unproven(e journal.Entry) error {
	if e.By.Same(login.Current()) {
		return ErrSameLogin
	}
	if began, ok := began(); ok && began < e.Live {
		return ErrOldLogin
	}
	return nil
}

// began is when the connection of this login began. Below tmux no sshd is above
// this process; if the connection of which it was told is open, the sshd that holds
// it tells.
func began() (at time.Duration, ok bool) {
	if at, ok := login.Began(); ok {
		return at, true
	}
	c := login.Connected()
	return probe.ConnectionBegan(c.Near, netip.AddrPortFrom(c.Far.Addr().WithZone(""), c.Far.Port()))
}

// onTrial makes sure that what is ours on the host is as the trial made it.
func (r *Reading) onTrial(e journal.Entry) error {
	copied, have := map[string]bool{}, r.Have
	have.Sets = maps.Clone(r.Have.Sets)
	for name := range r.Want.Sets {
		if set, there := r.Have.Sets[trial.Set(name)]; there {
			copied[name] = true
			set.Dynamic = r.Want.Sets[name].Dynamic
			have.Sets[name] = set
		}
	}
	if place := trial.Differ(r.Have.Tables, trial.Between(trial.End(r.Have.Tables), r.Want.Tables, copied, r.Bundle.Manifest.Leading)); place != "" {
		return fmt.Errorf("rules of %s differ from those of the trial", place)
	}
	return sameAsTried(plan.Compare(have, r.Want, r.Bundle.Manifest), e.Settings)
}

// sameAsTried looks in a plan for sets and settings that the trial has changed,
// and that are not as it made them.
func sameAsTried(p *plan.Plan, settings map[string]state.Setting) error {
	for _, s := range p.Changes {
		_, tried := settings[s.Object]
		if s.Kind == plan.Set && s.Action != plan.Remove || s.Kind == plan.Setting && tried {
			return fmt.Errorf("%s %s is %q, not %q", s.Kind, s.Object, s.Before, s.After)
		}
	}
	return nil
}
