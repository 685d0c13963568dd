package host

import (
	"context"
	"errors"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/restore"
)

// SaveBans writes down what the sets hold that the profile keeps over a reboot.
// It is for a shutdown. The host is Unchanged.
func (h *Handle) SaveBans() Outcome {
	files, err := restore.Read(h.system.Plane, h.bans)
	if err == nil {
		err = restore.SaveBans(h.system.Plane, files, time.Now())
	}
	return OutcomeOf(Unchanged, err)
}

// Restore puts in force what the files of this host say: sets, rules, kernel
// settings. It is for a boot, before the network is up, and harmless later. A
// family whose rules cannot be loaded is closed but for administrators, and the
// error says so. While a trial is pending it changes nothing, and the error is a
// *PendingError. say is told what is in force, a line each. The host is Confirmed,
// Closed, or Unchanged.
func (h *Handle) Restore(ctx context.Context, say func(line string)) Outcome {
	if err := h.onTrial(); err != nil {
		return OutcomeOf(Unchanged, err)
	}
	if err := h.restore(ctx, say); err != nil {
		return Outcome{Status: Closed, Err: err}
	}
	return Outcome{Status: Confirmed}
}

func (h *Handle) restore(ctx context.Context, say func(line string)) error {
	files, _ := h.bootFiles()
	tools, failed := h.system.Probe.Tools()
	if failed != nil {
		tools.Families = ruleset.Families[:] // a tool that does not know itself may still close
	}
	fresh := restore.CloseFirst(ctx, h.system.Plane, tools, files)
	// An apply that was under way when the host went down ends here, before
	// anything is loaded, on a host that is closed: it may take long. The files
	// are others then.
	quiet := *h
	quiet.progress = func(string) {}
	unended := quiet.ready(ctx)
	files, unread := h.bootFiles()
	return errors.Join(unended, unread, failed, restore.Do(ctx, h.site(), tools, files, fresh, say))
}

// bootFiles reads what this host boots from. Where that does not say how to close
// it, because somebody has removed it or may write there who should not, the
// newest generation does.
func (h *Handle) bootFiles() (restore.Files, error) {
	files, err := restore.Read(h.system.Plane, h.bans)
	files.Leading = h.Generations.Leading()
	if files.Close() {
		return files, err
	}
	b, folder, unkept := h.Generations.Newest()
	left := unkept == nil && b.Manifest.Before // the host was given back
	files.Applied = !errors.Is(unkept, generation.ErrNone) && !left
	if unkept == nil && !left {
		files = files.ClosedBy(b, folder)
	}
	return files, err
}
