package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// slots are places for labs, which the test programs of a user share: `go test ./...`
// runs several programs at once, one a package, and each would have as many labs of its
// own. A slot is a file that is locked while it is taken, so that the kernel frees the
// slot of a program that was killed.
type slots []string

// slotPause is how long a program waits before it looks for a free slot again.
const slotPause = 50 * time.Millisecond

// newSlots returns a number of slots.
func newSlots(n int) (slots, error) {
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("hardenctl-labs-%d", os.Getuid()))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	var all slots
	for i := range n {
		all = append(all, filepath.Join(folder, fmt.Sprint(i)))
	}
	return all, nil
}

// take waits until a slot is free, and returns how to free it. It waits no longer once ctx
// is done or the deadline, if there is one, is over: the test does not begin then.
func (s slots) take(ctx context.Context, deadline time.Time) (free func(), err error) {
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	for {
		for _, path := range s {
			f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
			if err != nil {
				return nil, err
			}
			if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
				return func() { f.Close() }, nil
			}
			f.Close()
		}
		select {
		case <-ctx.Done():
			return func() {}, nil
		case <-time.After(slotPause):
		}
	}
}
