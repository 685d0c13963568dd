// Package durable writes files so that they survive: a full disk, a disk that
// fails, a process that is killed, and a loss of power.
//
// A file is never written where it is. Its new text goes into a hidden file
// beside it, is synced, and takes the file's name by a rename; then the folder is
// synced. At any moment the file is wholly old or wholly new, and when a function
// has returned without an error, the new one is on the disk. On an error the old
// file is there, and nothing is left beside it.
//
// Three forms, for three needs:
//   - Write replaces a file of hardenctl's own; Kind does so with JSON that states
//     its format.
//   - Prepare takes what needs space first, so that to put many files in place, or
//     to restore the old ones, takes a rename each.
//   - WriteOut writes a report or a plan to a place that a person names.
//
// Write and Prepare must not run twice at once for a path: the caller holds the
// lock of an apply. The hidden name is always the same one, so that what a killed
// process left is found and removed by the next. Anybody may run WriteOut at any
// time: its hidden name is a random one.
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// Write replaces the file at path, or makes it, with exactly this mode. Its
// folder must be there, and is one that safepath.Real takes.
func Write(path string, text []byte, mode fs.FileMode) error {
	if err := safepath.Real(filepath.Dir(path)); err != nil {
		return err
	}
	beside := Beside(path)
	if err := removeIfThere(beside); err != nil {
		return err
	}
	if err := Create(beside, text, mode); err != nil {
		return err
	}
	if err := rename(beside, path); err != nil {
		return errors.Join(err, remove(beside))
	}
	return sync(filepath.Dir(path))
}

// Beside is the name under which Write and Prepare make the new file of a path.
func Beside(path string) string { return hidden(path, "new") }

// hidden is a name beside a file.
func hidden(path, what string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".hardenctl-"+what)
}

// random is a hidden name beside a file that no other process has.
func random(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:10])
}

// Create writes and syncs a file that is not there yet. Its name is on the disk
// once its folder is synced (SyncFolders, Rename).
func Create(path string, text []byte, mode fs.FileMode) error {
	return create(path, text, func(f *os.File) error { return chmod(f, mode) })
}

// create writes and syncs a new file, to which finish gives owner and mode. Until
// then only its owner can read it.
func create(path string, text []byte, finish func(*os.File) error) error {
	f, err := open(path)
	if err != nil {
		return err
	}
	return fill(f, text, finish)
}

// fill writes, syncs and closes a new file. On an error it removes the file.
func fill(f *os.File, text []byte, finish func(*os.File) error) error {
	err := write(f, text)
	if err == nil {
		err = finish(f)
	}
	if err == nil {
		err = syncFile(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, remove(f.Name()))
	}
	return nil
}

// WriteOut makes a new file of a text, with exactly this mode, in the place that
// a person names: a reader finds the old file or the new one. To write into what
// is there would hand the text to the user who made that file, or, in a folder
// that all may write, follow a link that somebody planted. What is there and is
// no regular file is left alone, and an error.
func WriteOut(path string, text []byte, mode fs.FileMode) error {
	if stat, err := os.Lstat(path); err == nil && !stat.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file; name another", path)
	}
	f, err := open(random(path))
	if err != nil {
		return err
	}
	if err := fill(f, text, func(f *os.File) error { return chmod(f, mode) }); err != nil {
		return err
	}
	if err := rename(f.Name(), path); err != nil {
		return errors.Join(err, remove(f.Name()))
	}
	// A user may write to a folder that he may not read: it is not to be synced.
	if err := sync(filepath.Dir(path)); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// CanWriteOut returns the error that WriteOut would have in a folder. It leaves
// nothing there.
func CanWriteOut(path string) error {
	f, err := open(random(path))
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), remove(f.Name()))
}

// Rename gives a file or a folder, which is synced, another name in its folder,
// and syncs that.
func Rename(from, to string) error {
	if err := rename(from, to); err != nil {
		return err
	}
	return sync(filepath.Dir(to))
}

// Link gives a file, which is synced, a second name. That is on the disk once its
// folder is synced.
func Link(from, to string) error { return link(from, to) }

// Remove removes a file, and syncs its folder. A file that is not there is no
// error, also where nothing can be written.
func Remove(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := removeIfThere(path); err != nil {
		return err
	}
	return sync(filepath.Dir(path))
}

// RemoveTree removes a file or a folder with all that is in it. Its name may come
// back with a loss of power. What is not there is no error, also where nothing
// can be written.
func RemoveTree(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return removeAll(path)
}

// MakeFolder makes a folder as safepath.MakeFolder does, and syncs the two above
// it: a process that was killed may have made it and not got further.
func MakeFolder(folder string, mode fs.FileMode) error {
	if err := safepath.MakeFolder(folder, mode); err != nil {
		return err
	}
	above := filepath.Dir(folder)
	return errors.Join(sync(filepath.Dir(above)), sync(above))
}

// SyncFolders syncs the names of all that is below a folder, and of the folder
// itself.
func SyncFolders(root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return sync(path)
	})
}
