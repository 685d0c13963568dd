// Package lock is the lock that a command holds while it changes the host: a file
// that root alone can open, under flock(2).
package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/host/safepath"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// Lock is the file that an apply holds a lock on while it runs. The kernel releases
// the lock when the process has ended, however it ends, and with it the tool that
// it was running.
type Lock struct{ Path string }

// Under returns the lock of the host whose files are below root.
func Under(root string) Lock { return Lock{filepath.Join(root, "run/hardenctl.lock")} }

// ErrBusy is the error of a wait for another apply that has taken too long.
var ErrBusy = errors.New("another hardenctl is running")

// Take waits for other applies to end, at most until ctx does, and returns the
// function that lets the next one in. If they do not, the error is an ErrBusy. say
// is told if the file was not as an apply makes it.
func (l Lock) Take(ctx context.Context, say func(string)) (release func(), err error) {
	for {
		f, err := l.open()
		if err != nil {
			return nil, err
		}
		why := strange(f)
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil && why == "" && l.isAt(f):
			tool.Hold(f)
			if err := writeHolder(f); err != nil {
				unlock(f)
				return nil, fmt.Errorf("%w. Nothing was changed", err)
			}
			return func() { unlock(f) }, nil
		case err != nil && !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("%s: %w", l.Path, err), f.Close())
		case why != "" && l.isAt(f) && (err == nil || !heldByRoot(f)):
			if err := l.replace(f); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			say(l.Path + " " + why + ": other users could block an apply with it, so it was created again")
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%w (%s): wait for its end, or give a longer --lock-timeout; if it hangs, end it with kill", ErrBusy, l.Holder()), f.Close())
		case <-time.After(100 * time.Millisecond):
			f.Close()
		}
	}
}

// unlock lets the next one in, also if something that a tool has left behind
// keeps the file open.
func unlock(f *os.File) {
	tool.Hold(nil)
	unix.Flock(int(f.Fd()), unix.LOCK_UN)
	f.Close()
}

// open opens the lock, or makes it. A link in its place is not followed: what
// it leads to would be overwritten.
func (l Lock) open() (*os.File, error) {
	if err := safepath.Real(filepath.Dir(l.Path)); err != nil {
		return nil, err
	}
	fd, err := unix.Open(l.Path, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, cmp.Or(safepath.Regular(l.Path), fmt.Errorf("%s: %w", l.Path, err))
	}
	return os.NewFile(uintptr(fd), l.Path), nil
}

func writeHolder(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := fmt.Fprintf(f, "process %d\n", os.Getpid())
	return err
}
