package safepath

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile makes a new file of a text, with exactly this mode, and renames it
// to path: a reader finds the old file or the new one. To write into
// what is there would hand the text to the user who made that file, or, in a folder
// that all may write, follow a link that somebody planted. What is there and is
// no regular file is left alone, and an error. The text is not synced: a report
// can be made again.
func WriteFile(path string, text []byte, mode fs.FileMode) error {
	if stat, err := os.Lstat(path); err == nil && !stat.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file; name another", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
