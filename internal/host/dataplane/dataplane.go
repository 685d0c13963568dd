// Package dataplane is the running system as an apply needs it, and no wider: the
// tables of iptables, the sets of ipset, kernel settings, the files that the host
// boots from, open connections, and a rehearsal of all that.
//
// Live is this machine, by the host's own tools. Package fake is a machine in
// memory that fails on command. One suite of tests holds that both do the same
// (suite_test.go), so that the order of an apply's steps, every undo and every
// message can be tested without root.
//
// What is said here of one operation holds for both. Nothing is atomic beyond one
// call.
package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"net/netip"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Plane is a running system.
type Plane struct {
	Rules       Rules
	Sets        Sets
	Settings    Settings
	Files       Files
	Connections Connections
	Probe       Probe
}

// Rules are the tables of iptables.
type Rules interface {
	// Tables returns those of a family, with counters. Nothing but tables is set.
	Tables(ctx context.Context, family ruleset.Family) (state.State, error)
	// RuleOfInput returns the rule of a number, from 1, in filter INPUT, also where a
	// library is missing for another rule.
	RuleOfInput(ctx context.Context, family ruleset.Family, number int) (tablefile.Rule, error)
	// Load takes input of iptables-restore, counters too. Without flush, only the
	// chains that text declares are emptied. A table whose lines are refused stays
	// as it is; those before it in the text are loaded.
	Load(ctx context.Context, family ruleset.Family, text []byte, flush bool) error
}

// Sets are the sets of ipset. Errors are those of package kernelset.
type Sets interface {
	// Create makes sets, none of which may exist.
	Create(ctx context.Context, sets ...setfile.Set) error
	// Load takes input of ipset restore. Sets and members may exist.
	Load(ctx context.Context, text []byte) error
	// Add adds prefixes, with the set's own timeout; AddEntries gives each its own.
	Add(name string, prefixes []netip.Prefix) error
	AddEntries(name string, entries []kernelset.Entry) error
	Flush(name string) error
	// Swap exchanges the names of two sets of one type and family.
	Swap(a, b string) error
	// Rename is ErrBusy while a rule names the set.
	Rename(from, to string) error
	// Destroy is ErrBusy while a rule names the set. A set that does not exist is
	// no error.
	Destroy(name string) error
	// List returns the headers of all sets, by name.
	List() ([]kernelset.Header, error)
	// Lookup is ErrNotFound for a set that does not exist, and so is Members.
	Lookup(name string) (kernelset.Header, error)
	Members(name string) iter.Seq2[kernelset.Entry, error]
	// Save returns all sets with their members, as ipset save prints them.
	Save(ctx context.Context) ([]byte, error)
}

// Settings are kernel settings: sysctls, options of modules, and what network
// interfaces do.
type Settings interface {
	// Here returns those that a bundle states, one for each interface that there is
	// where a key stands for all, as they shall be.
	Here(stated []bundle.SettingEntry) map[string]state.Setting
	// Read returns settings as they are and as they shall be, without those of an
	// interface that has gone.
	Read(settings map[string]state.Setting) (have, want map[string]state.Setting, err error)
	// Write writes one and reads it back.
	Write(s state.Setting) error
	// PutBack is Write, where what has gone since is not an error.
	PutBack(s state.Setting) error
}

// Files are the files that a host boots from, at absolute paths.
type Files interface {
	// Paths returns where the files of a bundle are, those too that an earlier one
	// may have left.
	Paths(b *bundle.Bundle, layout bundle.Layout) map[string]string
	// Read returns the text of each path, nil where there is no file.
	Read(paths map[string]string) (map[string][]byte, error)
	// Modes returns the modes of the files that exist, and those that they must have.
	Modes(texts map[string][]byte) (have, want map[string]fs.FileMode, err error)
	// Prepare readies a file to be replaced: nothing changes at path. have is what
	// was read there; a nil text is for no file.
	Prepare(path string, have, text []byte) (Replacement, error)
	// Replace puts a text in the place of a file, wholly or not at all.
	Replace(path string, text []byte) error
	// Sweep removes what an apply that was killed has left beside paths.
	Sweep(paths []string) error
	// EndTrial takes a trial out of the files, in the middle of which somebody has
	// saved the firewall into them, and returns the paths of those.
	EndTrial() (changed []string, err error)
}

// Replacement is a file that is about to change.
type Replacement interface {
	// Put makes the new file the one at its path. It is an error if somebody has
	// changed the file since it was read.
	Put() error
	// Back makes the old one that again, if Put may have changed it.
	Back() error
	// Discard removes what was prepared and is not needed any more.
	Discard() error
}

// Connections are those of TCP.
type Connections interface {
	// Note tells conntrack of the connections that are open, and returns how many
	// there are and how many it knows then: fewer with conntrack.ErrFull.
	Note(ctx context.Context) (open, known int, err error)
}

// Probe reads what a plan needs, and changes nothing.
type Probe interface {
	Tools() (probe.Tools, error)
	Layout() bundle.Layout
	// Rehearse returns the tables and sets that a bundle makes.
	Rehearse(ctx context.Context, t probe.Tools, b *bundle.Bundle) (state.State, error)
	// RehearseBoot returns the tables that files make at boot. A file that is
	// refused is a *probe.BootError.
	RehearseBoot(ctx context.Context, t probe.Tools, boot probe.Boot) (state.State, error)
	// Snapshot returns all tables and sets. A *plan.RivalsError says that some
	// tables cannot be read; all else has been.
	Snapshot(ctx context.Context, t probe.Tools, b *bundle.Bundle) (have state.State, notes []string, err error)
	// Rivals returns other firewalls that are active.
	Rivals(ctx context.Context, t probe.Tools, have state.State, said []string, unread []plan.Rival) (rivals []plan.Rival, notes []string, err error)
}

// Exists reports whether there is a set of that name.
func Exists(s Sets, name string) (bool, error) {
	_, err := s.Lookup(name)
	if errors.Is(err, kernelset.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Read returns what the host has but its files, and the settings that are wanted:
// those of the bundle, and those that are to be restored since it does not state
// them. It comes after a rehearsal, which makes the kernel load the modules that
// some settings belong to. A *plan.RivalsError is as in Snapshot.
func (p Plane) Read(ctx context.Context, t probe.Tools, b *bundle.Bundle, restored map[string]state.Setting) (have state.State, settings map[string]state.Setting, notes []string, err error) {
	have, notes, unread := p.Probe.Snapshot(ctx, t, b)
	if unread != nil && !errors.As(unread, new(*plan.RivalsError)) {
		return have, nil, nil, fmt.Errorf("reading the host: %w", unread)
	}
	settings = p.Settings.Here(b.Manifest.Settings)
	maps.Copy(settings, restored)
	if have.Settings, settings, err = p.Settings.Read(settings); err != nil {
		return have, nil, nil, err
	}
	return have, settings, notes, unread
}
