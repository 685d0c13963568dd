package persist

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// fileMode is the mode of the files that we write: the rules of a firewall are
// no secret on the host that they protect, and others' tools read them.
const fileMode = 0o644

// Replacement is a file that is about to change. What needs space is done when
// it is prepared: to put the new file in place, and to go back to the old one,
// takes a rename each. At any moment the file is wholly old or wholly new.
type Replacement struct {
	path   string
	beside string // the new file; empty if the file is to go
	before string // another name of the old file; empty if there is none
}

// Prepare writes and syncs text beside the file at path, making the folder
// where it is missing, and gives the file that is there another name. A nil
// text prepares the file's removal. Nothing changes at path, and nothing is
// left behind on an error.
func Prepare(path string, text []byte) (*Replacement, error) {
	r := &Replacement{path: path}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := r.keepOld(hidden(path, "old")); err != nil {
		return nil, err
	}
	if text == nil {
		return r, nil
	}
	if err := r.writeNew(hidden(path, "new"), text); err != nil {
		return nil, errors.Join(err, r.Discard())
	}
	return r, nil
}

// hidden is a name beside a file. It is always the same one, so that what a
// killed apply left is found and removed by the next.
func hidden(path, what string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".hardenctl-"+what)
}

func (r *Replacement) keepOld(name string) error {
	if err := removeIfThere(name); err != nil {
		return err
	}
	err := os.Link(r.path, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		r.before = name
	}
	return err
}

func (r *Replacement) writeNew(name string, text []byte) error {
	if err := removeIfThere(name); err != nil {
		return err
	}
	err := create(name, text)
	if err == nil {
		r.beside = name
	}
	return err
}

// Put makes the new file the one at path.
func (r *Replacement) Put() error { return r.move(r.beside) }

// Back makes the old file the one at path again, whether or not the new one
// has been put there.
func (r *Replacement) Back() error { return r.move(r.before) }

// move gives the file called from the name path; none at all if from is empty.
// Renaming a name of the file that is there already does nothing.
func (r *Replacement) move(from string) error {
	err := os.Rename(from, r.path)
	if from == "" {
		err = removeIfThere(r.path)
	}
	return errors.Join(err, syncFolder(filepath.Dir(r.path)))
}

// Discard removes what was prepared and is not needed any more.
func (r *Replacement) Discard() error {
	var failed error
	for _, name := range []string{r.beside, r.before} {
		if name != "" {
			failed = errors.Join(failed, removeIfThere(name))
		}
	}
	return failed
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// create writes and syncs a new file, and leaves nothing behind on an error.
func create(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(fileMode), f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
