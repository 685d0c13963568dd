package durable

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// before is called before each call to disk that changes something, with its
// name, its path, and for a rename and a link the path that it is made of. An
// error of it is the call's. It does nothing, but in a test.
var before = func(call, path, from string) error { return nil }

// open makes a file that is not there yet, for its owner alone.
func open(path string) (*os.File, error) {
	if err := before("create", path, ""); err != nil {
		return nil, failed("open", path, err)
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func write(f *os.File, text []byte) error {
	if err := before("write", f.Name(), ""); err != nil {
		return failed("write", f.Name(), err)
	}
	_, err := f.Write(text)
	return err
}

func chmod(f *os.File, mode fs.FileMode) error {
	if err := before("chmod", f.Name(), ""); err != nil {
		return failed("chmod", f.Name(), err)
	}
	return f.Chmod(mode)
}

func chown(f *os.File, uid, gid int) error {
	if err := before("chown", f.Name(), ""); err != nil {
		return failed("chown", f.Name(), err)
	}
	return f.Chown(uid, gid)
}

func syncFile(f *os.File) error {
	if err := before("sync", f.Name(), ""); err != nil {
		return failed("sync", f.Name(), err)
	}
	return f.Sync()
}

// sync syncs a folder. A file system that has no such call for folders says
// EINVAL (fsync(2)).
func sync(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = syncFile(f)
	if errors.Is(err, unix.EINVAL) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

func rename(from, to string) error {
	if err := before("rename", to, from); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return os.Rename(from, to)
}

func link(from, to string) error {
	if err := before("link", to, from); err != nil {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: err}
	}
	return os.Link(from, to)
}

func remove(path string) error {
	if err := before("remove", path, ""); err != nil {
		return failed("remove", path, err)
	}
	err := os.Remove(path)
	if errors.Is(err, unix.ENOTEMPTY) {
		return safepath.Regular(path) // a folder with something in it, which only a person may remove
	}
	return err
}

func removeIfThere(path string) error {
	if err := remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func removeAll(path string) error {
	if err := before("remove", path, ""); err != nil {
		return failed("remove", path, err)
	}
	return os.RemoveAll(path)
}

func failed(call, path string, err error) error {
	return &fs.PathError{Op: call, Path: path, Err: err}
}
