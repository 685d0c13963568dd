package host

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/persist"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/restore"
)

// SaveBans writes down what the sets hold that the profile keeps over a reboot.
// It is for a shutdown. It needs root.
func SaveBans() error {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	files, err := restore.Read(persist.DetectLayout())
	if err != nil {
		return err
	}
	return restore.SaveBans(files, time.Now())
}

// Restore puts in force what the files of this host say: sets, rules, kernel
// settings. It is for a boot, before the network is up, and harmless later. A
// family whose rules cannot be loaded is closed but for administrators, and the
// error says so. While a trial is pending it changes nothing, and the error is a
// *PendingError. The caller holds the lock of apply.Lock. progress is told what
// is in force. It needs root.
func Restore(ctx context.Context, progress func(string)) error {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	var trial *PendingError
	if errors.As(InTheWay(), &trial) {
		return trial
	}
	files, _ := bootFiles()
	tools, failed := probe.ReadTools()
	if failed != nil {
		tools.Families = ruleset.Families[:] // a tool that does not know itself may still close
	}
	fresh := restore.CloseFirst(ctx, tools, files)
	// An apply that was under way when the host went down ends here, before
	// anything is loaded, on a host that is closed: it may take long. The files
	// are others then.
	unended := Ready(ctx, func(string) {})
	files, unread := bootFiles()
	return errors.Join(unended, unread, failed, restore.Do(ctx, tools, files, fresh, progress))
}

// bootFiles reads what this host boots from. Where that does not say how to close
// it, because somebody has removed it or may write there who should not, the
// newest generation does.
func bootFiles() (restore.Files, error) {
	files, err := restore.Read(persist.DetectLayout())
	if files.Close() {
		return files, err
	}
	b, folder, unkept := generation.Host.Newest()
	left := unkept == nil && b.Manifest.Before // the host was given back
	files.Applied = !errors.Is(unkept, generation.ErrNone) && !left
	if unkept == nil && !left {
		files = files.ClosedBy(b, folder)
	}
	return files, err
}
