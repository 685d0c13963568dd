package host

import (
	"context"
	"errors"
	"os"

	"hardenctl/host/persist"
	"hardenctl/host/probe"
	"hardenctl/host/restore"
)

// Restore puts in force what the files of this host say: sets, rules, kernel
// settings. It is for a boot, before the network is up, and harmless later. A
// family whose rules cannot be loaded is closed but for administrators, and the
// error says so. The caller holds the lock of apply.Lock. progress is told what
// is in force. It needs root.
func Restore(ctx context.Context, progress func(string)) error {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	// A trial that was under way when the host went down ends here, before
	// anything is loaded: Recover(ctx).
	files, unread := restore.Read(persist.DetectLayout())
	tools, err := probe.ReadTools()
	if err != nil {
		return errors.Join(unread, err)
	}
	return errors.Join(unread, restore.Do(ctx, tools, files, progress))
}
