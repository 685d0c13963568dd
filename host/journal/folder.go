package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// makeFolder makes the folder, and the one above it, for root alone. A symbolic
// link in its place, or a folder of somebody else, is refused: it would say
// where root writes.
func makeFolder() error {
	for _, path := range []string{filepath.Dir(Folder), Folder} {
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := checkFolder(path); err != nil {
			return err
		}
	}
	return errors.Join(os.Chmod(Folder, 0o700), syncPath(filepath.Dir(filepath.Dir(Folder))), syncPath(filepath.Dir(Folder)))
}

func checkFolder(path string) error {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	switch {
	case stat.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s is no folder (a symbolic link is not followed); move it away", path)
	case int(stat.Uid) != os.Geteuid() || stat.Mode&0o022 != 0:
		return fmt.Errorf("%s belongs to somebody else, or others may write to it; move it away", path)
	}
	return nil
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
	for _, folder := range []string{filepath.Dir(filepath.Dir(path)), filepath.Dir(path)} {
		if err := checkFolder(folder); err != nil {
			return nil, err
		}
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
