// Package host is the one door to the live host. A Host is one to look at: Read says
// how it differs from a bundle. A Handle is one to change, whose lock this process
// holds: Apply moves it to a bundle, on trial until a Confirm from another login,
// or for good. Recover ends what a process has left that died.
//
// Reading changes nothing. The bundle is loaded in a throwaway network
// namespace, and so are the files that others share with it, as a boot would.
// Everything that both need of the host, its tools, its rules, sets, settings
// and files, is read in one go into a Reading, and a plan is a function of that.
package host

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/bootfiles"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/lock"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/restore"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/host/watchdog"
)

// Host is a host to look at. Its methods need no lock, and change nothing. Open
// takes the lock.
type Host struct {
	// Generations are what was applied. Only a Handle writes there.
	Generations generation.Store

	system  System
	journal journal.Journal
	lock    lock.Lock
	bans    string
}

// Under returns the host whose books are below root ("/" is this one's), on this
// machine: the firewall, and the files that it boots from, are this machine's.
func Under(root string) Host { return On(ThisMachine(), root) }

// On is Under for another machine.
func On(s System, root string) Host {
	return Host{generation.Under(root), s, journal.Under(root), lock.Under(root), restore.BansUnder(root)}
}

// Reading is a host beside a bundle, at one moment.
type Reading struct {
	Bundle *bundle.Bundle
	Tools  probe.Tools
	Layout bundle.Layout
	// Have is what the host has, Want what the bundle makes of it.
	Have, Want state.State
	Plan       *plan.Plan

	host Host
	// trial is the trial of which Have is what it is to become; nil for none.
	// copies are the names that its sets have until then, and unsettled is why
	// it is unknown what it is to become.
	trial     *Pending
	copies    map[string]string
	unsettled error
	released  released
	// meaning gives what the plan changes for packets, once; nil where nobody asks.
	meaning <-chan *meaning.Meaning
}

// ErrNotRoot is the error of a process that may not read the firewall.
var ErrNotRoot = errors.New("the firewall can only be read and changed as root")

// Read reads the host and plans. It needs root. Other firewalls that are active
// are in the plan; they are not an error. While a trial is pending, what the host has
// is what it has on trial.
func (h Host) Read(ctx context.Context, b *bundle.Bundle) (*Reading, error) {
	return h.read(ctx, b, func(r *Reading) error {
		if err := r.settle(); err != nil {
			return err
		}
		r.workOutMeaning()
		return nil
	})
}

// readAlone is Read for a change to the host as it is: with a trial beside what
// was there before. Another firewall that is active refuses it.
func (h Host) readAlone(ctx context.Context, b *bundle.Bundle) (*Reading, error) {
	r, err := h.read(ctx, b, func(*Reading) error { return nil })
	if err != nil {
		return nil, err
	}
	return r, r.Plan.Rival()
}

// read reads both sides. view makes of what the host has what is planned from.
func (h Host) read(ctx context.Context, b *bundle.Bundle, view func(*Reading) error) (*Reading, error) {
	if err := h.system.Permitted(); err != nil {
		return nil, err
	}
	r := &Reading{Bundle: b, Layout: h.system.Probe.Layout(), host: h}
	var err error
	if r.Tools, err = h.system.Probe.Tools(); err != nil {
		return nil, err
	}
	if r.Want, err = h.system.Probe.Rehearse(ctx, r.Tools, b); err != nil {
		return nil, err
	}
	notes, err := r.readLive(ctx)
	unread := new(plan.RivalsError)
	if err != nil && !errors.As(err, &unread) {
		return nil, err
	}
	rivals, others, err := h.system.Probe.Rivals(ctx, r.Tools, r.Have, notes, unread.Rivals)
	if err != nil {
		return nil, err
	}
	if err := r.readFiles(); err != nil {
		return nil, err
	}
	if err := view(r); err != nil {
		return nil, err
	}
	if err := r.release(); err != nil {
		return nil, err
	}
	if err := r.rehearseFiles(ctx); err != nil {
		return nil, err
	}
	r.plan(rivals, slices.Concat(notes, others))
	return r, nil
}

// plan compares the two sides, and adds what a reader should know beside it.
func (r *Reading) plan(rivals []plan.Rival, notes []string) {
	r.Plan = plan.Compare(r.Have, r.Want, r.Bundle.Manifest)
	r.Plan.OnTrial = r.pendingTrial()
	r.addMeaning()
	r.Plan.Rivals = append(r.Plan.Rivals, rivals...)
	r.Plan.Notes = append(r.Plan.Notes, slices.Concat(r.trialNotes(), watchdog.Notes(), r.released.notes, notes, r.Tools.Notes(), r.host.system.Notes(r))...)
}

// readLive reads what is not a file: see dataplane.Plane.Read.
func (r *Reading) readLive(ctx context.Context) (notes []string, err error) {
	r.Have, r.Want.Settings, notes, err = r.host.system.Read(ctx, r.Tools, r.Bundle, r.released.restored)
	return notes, err
}

func (r *Reading) readFiles() (err error) {
	if r.Have.Files, err = r.host.system.Files.Read(r.host.system.Files.Paths(r.Bundle, r.Layout)); err != nil {
		return err
	}
	if r.Have.Modes, r.Want.Modes, err = r.host.system.Files.Modes(r.Have.Files); err != nil {
		return err
	}
	r.Want.Files, err = bootfiles.Wanted(r.Bundle, r.Layout, r.Have.Files)
	return err
}

// clearUp removes what an apply that was killed has left beside the files.
func (r *Reading) clearUp() error {
	return r.host.system.Files.Sweep(slices.Sorted(maps.Keys(r.Have.Files)))
}
