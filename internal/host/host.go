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
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/lock"
	"github.com/hardenctl/hardenctl/internal/host/persist"
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

	journal journal.Journal
	lock    lock.Lock
	bans    string
}

// Under returns the host whose files are below root: "/" is this one. What it
// boots from, and its kernel, are this host's all the same.
func Under(root string) Host {
	return Host{generation.Under(root), journal.Under(root), lock.Under(root), restore.BansUnder(root)}
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
	// nobody can tell what it is to become.
	trial     *Pending
	copies    map[string]string
	unsettled error
}

// ErrNotRoot is the error of a process that may not read the firewall.
var ErrNotRoot = errors.New("the firewall can only be read and changed as root")

// Read reads the host and plans. It needs root. Other firewalls that are active
// are in the plan; they are no error. While a trial is pending, what the host has
// is what it has on trial.
func (h Host) Read(ctx context.Context, b *bundle.Bundle) (*Reading, error) {
	return h.read(ctx, b, (*Reading).settle)
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
	if os.Geteuid() != 0 {
		return nil, ErrNotRoot
	}
	r := &Reading{Bundle: b, Layout: persist.DetectLayout(), host: h}
	var err error
	if r.Tools, err = probe.ReadTools(); err != nil {
		return nil, err
	}
	if r.Want, err = r.Tools.Rehearse(ctx, b); err != nil {
		return nil, err
	}
	notes, err := r.readLive(ctx)
	unread := new(plan.RivalsError)
	if err != nil && !errors.As(err, &unread) {
		return nil, err
	}
	rivals, others, err := r.Tools.Rivals(ctx, r.Have, notes, unread.Rivals)
	if err != nil {
		return nil, err
	}
	if err := r.readFiles(); err != nil {
		return nil, err
	}
	if err := view(r); err != nil {
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
	r.Plan.Rivals = append(r.Plan.Rivals, rivals...)
	r.Plan.Notes = append(r.Plan.Notes, slices.Concat(r.trialNotes(), watchdog.Notes(), notes, r.Tools.Notes(), r.bootNotes(), r.unserved(),
		persist.Fail2banNotes(r.Layout, r.Have.Files, r.Want.Files))...)
}

// unserved names stated ports at which no program listens. A host whose sockets
// cannot be read has no such note.
func (r *Reading) unserved() []string {
	served, err := probe.ServedPorts()
	if err != nil || r.Bundle.Manifest.Before {
		return nil
	}
	return plan.Unserved(r.Want, r.Have, served)
}

// bootNotes says what a boot will not make as the bundle says. What the host had
// before hardenctl it boots as before.
func (r *Reading) bootNotes() []string {
	m := r.Bundle.Manifest
	if m.Before {
		return nil
	}
	return slices.Concat(persist.BootNotes(r.Layout, r.Have.Files, r.Want.Files), persist.SysctlNotes(r.Layout, m.Settings),
		persist.LinkNotes(m.Settings), probe.QueueNotes(m.Settings))
}

// unloaded says what to do for the saved files to be loaded at boot. What the
// host had before hardenctl it boots as before.
func (r *Reading) unloaded() []string {
	if r.Bundle.Manifest.Before {
		return nil
	}
	return persist.Unloaded(r.Layout)
}

// readLive reads what is not a file. It comes after the rehearsal, which makes
// the kernel load the modules that some settings belong to. A *plan.RivalsError
// is as in probe.Snapshot.
func (r *Reading) readLive(ctx context.Context) (notes []string, err error) {
	var unread error
	r.Have, notes, unread = r.Tools.Snapshot(ctx, r.Bundle)
	if unread != nil && !errors.As(unread, new(*plan.RivalsError)) {
		return nil, fmt.Errorf("reading the host: %w", unread)
	}
	if r.Have.Settings, r.Want.Settings, err = probe.ReadSettings(r.Bundle.Manifest.Settings); err != nil {
		return nil, err
	}
	return notes, unread
}

func (r *Reading) readFiles() (err error) {
	if r.Have.Files, err = persist.Read(persist.Paths(r.Bundle, r.Layout)); err != nil {
		return err
	}
	if r.Have.Modes, r.Want.Modes, err = persist.Modes(r.Have.Files); err != nil {
		return err
	}
	r.Want.Files, err = persist.Wanted(r.Bundle, r.Layout, r.Have.Files)
	return err
}

// clearUp removes what an apply that was killed has left beside the files.
func (r *Reading) clearUp() error {
	return persist.Sweep(slices.Sorted(maps.Keys(r.Have.Files)))
}

// verify plans again from a fresh reading of what is not a file. Sets that are
// in the way of going back are still there, and do not count; nor do interfaces
// that have come since, which nobody planned.
func (r *Reading) verify(ctx context.Context) (*plan.Plan, error) {
	now := *r
	if _, err := now.readLive(ctx); err != nil {
		return nil, err
	}
	left := plan.Compare(now.Have, now.Want, r.Bundle.Manifest)
	left.Changes = slices.DeleteFunc(left.Changes, func(s plan.Step) bool {
		_, planned := r.Want.Settings[s.Object]
		return s.Kind == plan.File || s.Kind == plan.Set && s.Action == plan.Remove || s.Kind == plan.Setting && !planned
	})
	return left, nil
}
