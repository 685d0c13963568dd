package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"hardenctl/host/safepath"
)

// makeFolder makes the folder for root alone, and refuses one that somebody else
// has a hand in: it would say where root writes.
func makeFolder() error {
	if err := safepath.MakeFolder(Folder, 0o700); err != nil {
		return err
	}
	above := filepath.Dir(Folder)
	return errors.Join(syncPath(filepath.Dir(above)), syncPath(above))
}

// writeSynced replaces a file: written beside it, synced, renamed, and the
// folder synced.
func writeSynced(path string, text []byte) error {
	beside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	return syncPath(filepath.Dir(path))
}

// readOwn reads a file of ours. Whoever reads the journal acts on it as root:
// it is read only where nobody else can have put it.
func readOwn(path string) ([]byte, error) {
	if err := safepath.Real(filepath.Dir(path)); err != nil {
		return nil, err
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if stat, err := f.Stat(); err != nil || !stat.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a regular file; move it away", path))
	}
	return io.ReadAll(f)
}

// syncTree syncs the files and folders below a folder, and itself.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncPath(path)
	})
}

// syncPath syncs a file or a folder.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
