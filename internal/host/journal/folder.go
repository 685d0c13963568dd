package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// makeFolder makes the folder for root alone, and refuses one that somebody else
// has a hand in: it would say where root writes.
func (j Journal) makeFolder() error {
	if err := safepath.MakeFolder(j.Folder, 0o700); err != nil {
		return err
	}
	above := filepath.Dir(j.Folder)
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
