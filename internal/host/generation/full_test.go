package generation

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A full disk is found when staging, and leaves nothing behind.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a disk that is full")
	}
	err := inOwnMounts(func() error {
		s := store(t)
		folder := filepath.Dir(s.Folder)
		must(t, os.MkdirAll(folder, 0o700))
		must(t, unix.Mount("tmpfs", folder, "tmpfs", 0, "size=96k,mode=0700"))
		keep(t, s, content("128", 1))
		if err := s.Stage(content("128", 10000)); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "lists/bad.txt") {
			t.Errorf("got %v", err)
		}
		if got := names(t, s.Folder); !slices.Equal(got, []string{"1"}) {
			t.Errorf("the store holds %q", got)
		}
		return unix.Unmount(folder, 0)
	})
	must(t, err)
}

// inOwnMounts runs f on a thread with mounts of its own, which ends with it.
func inOwnMounts(f func() error) error {
	ended := make(chan error, 1)
	go func() {
		err := errors.New("the test ended")
		defer func() { ended <- err }()
		runtime.LockOSThread()
		if err = ownMounts(); err == nil {
			err = f()
		}
	}()
	return <-ended
}

// ownMounts gives the thread mounts of its own, for good.
func ownMounts() error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}
