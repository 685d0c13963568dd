package host

import (
	"context"
	"net"
	"os"
	"slices"

	"github.com/hardenctl/hardenctl/internal/host/bootfiles"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/guard"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/setting"
	"github.com/hardenctl/hardenctl/internal/host/watchdog"
)

// System is the machine beneath a host: its data plane, and what a host asks of it
// beside that. Tests put a machine in memory here (package fake).
type System struct {
	dataplane.Plane
	// Permitted returns why this process may not read and change the firewall.
	Permitted func() error
	// Guard finds out who can still log in after a plan.
	Guard func(ctx context.Context, q guard.Question) (*plan.Access, []string)
	// Watch starts what ends a trial whose entry is in the journal.
	Watch func(journal.Entry) error
	// Notes says what a reader of a plan should know beside it.
	Notes func(r *Reading) []string
	// Listeners returns the programs that wait for packets of others, those that are asked
	// for.
	Listeners func(asked func(meaning.Listener) bool) ([]meaning.Listener, error)
	// Unloaded says what to do for the saved files to be loaded at boot.
	Unloaded func(r *Reading) []string
}

// ThisMachine is the machine that this process runs on.
func ThisMachine() System {
	return System{dataplane.Live(), root, guard.Ask, watchdog.Start, notes, probe.Listeners, unloaded}
}

// root is the ErrNotRoot of a process that is not root's.
func root() error {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	return nil
}

func notes(r *Reading) []string {
	return slices.Concat(r.standing(), r.bootNotes(), r.unserved(), r.missing(), bootfiles.Fail2banNotes(r.Layout, r.Have.Files, r.Want.Files))
}

// standing names rules of others that change packets before the profile's rules decide
// about them.
func (r *Reading) standing() []string {
	return meaning.Standing(r.Have, r.Want, r.Bundle.Manifest, probe.IsLocal)
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

// missing names interfaces of zones that do not exist yet.
func (r *Reading) missing() []string {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var names []string
	for _, i := range interfaces {
		names = append(names, i.Name)
	}
	return plan.Missing(r.Bundle.Manifest.Zones, names)
}

// bootNotes says what a boot will not make as the bundle says. What the host had
// before hardenctl it boots as before.
func (r *Reading) bootNotes() []string {
	m := r.Bundle.Manifest
	if m.Before {
		return nil
	}
	return slices.Concat(bootfiles.BootNotes(r.Layout, r.Have.Files, r.Want.Files), setting.Notes(r.Layout, m.Settings))
}

// unloaded says what to do for the saved files to be loaded at boot. What the
// host had before hardenctl it boots as before.
func unloaded(r *Reading) []string {
	if r.Bundle.Manifest.Before {
		return nil
	}
	return bootfiles.Unloaded(r.Layout)
}
