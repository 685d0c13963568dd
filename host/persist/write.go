package persist

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// fileMode is the mode of the files that we write: the rules of a firewall are
// no secret on the host that they protect, and others' tools read them.
const fileMode = 0o644

// Write makes the file at path hold text, or not exist if text is nil: wholly
// old or wholly new, whenever the power fails. It writes beside the file,
// syncs, renames over it and syncs the folder, making the folder where it is
// missing. A file that holds text already is left as it is.
func Write(path string, text []byte) error {
	if holds(path, text) {
		return nil
	}
	folder := filepath.Dir(path)
	if text == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return syncFolder(folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	temporary, err := writeBeside(path, text)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return syncFolder(folder)
}

// holds reports whether the file at path is a regular one with that text, or,
// for nil, does not exist.
func holds(path string, text []byte) bool {
	have, err := readRegular(path)
	return err == nil && bytes.Equal(have, text) && (have == nil) == (text == nil)
}

// writeBeside writes text to a new file in the folder of path, and returns its
// name. Nothing is left behind on an error.
func writeBeside(path string, text []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".hardenctl-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(fileMode), f.Sync(), f.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
