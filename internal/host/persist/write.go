package persist

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// folderMode is the mode of the folders that we make, whatever the umask.
const folderMode = 0o755

// Replacement is a file that is about to change. What needs space is done when
// it is prepared: to put the new file in place, and to go back to the old one,
// takes a rename each. At any moment the file is wholly old or wholly new.
type Replacement struct {
	path   string
	have   []byte // what the file held when it was read
	beside string // the new file; empty if the file is to go
	before string // another name of the old file; empty if there is none
	put    bool   // whether the new file may be at path
}

// Prepare writes and syncs text beside the file at path, making the folder
// where it is missing, and gives the file that is there another name. have is
// what the file held when it was read, nil for no file. A nil text prepares the
// file's removal. Nothing changes at path, and nothing is left behind on an
// error.
func Prepare(path string, have, text []byte) (*Replacement, error) {
	r := &Replacement{path: path, have: have}
	if err := safepath.MakeFolder(filepath.Dir(path), folderMode); err != nil {
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
	err := create(name, text, r.before, widest(r.path))
	if err == nil {
		r.beside = name
	}
	return err
}

// Put makes the new file the one at path, unless somebody has changed the file
// since it was read: the text to put was made of what it held then.
func (r *Replacement) Put() error {
	now, err := readRegular(r.path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, r.have) || (now == nil) != (r.have == nil) {
		return fmt.Errorf("%s has been changed since it was read; run it again", r.path)
	}
	r.put = true
	return r.move(r.beside)
}

// Back makes the old file the one at path again. A file that has not been put
// is left as it is, since it may be somebody's newer one.
func (r *Replacement) Back() error {
	if !r.put {
		return nil
	}
	return r.move(r.before)
}

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

// Sweep removes what an apply that was killed has left beside files. It must
// not run while another one prepares them: the caller holds the lock.
func Sweep(paths []string) error {
	var failed error
	for _, path := range paths {
		for _, what := range []string{"old", "new"} {
			name := hidden(path, what)
			// Where nothing can be written, there is an error for what is not there too.
			if _, err := os.Lstat(name); err == nil {
				failed = errors.Join(failed, os.Remove(name))
			}
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

// create writes and syncs a new file with the owner and the mode of another, if
// there is one, but no wider than widest, and leaves nothing behind on an error.
// Until then only its owner can read it.
func create(name string, text []byte, like string, widest fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, resemble(f, like, widest), f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// resemble gives f the owner and the mode of the file called like. A new one is
// the group's of this process: a folder may give what is made there to its own
// (setgid).
func resemble(f *os.File, like string, widest fs.FileMode) error {
	uid, gid, mode := os.Geteuid(), os.Getegid(), widest
	if like != "" {
		var stat unix.Stat_t
		if err := unix.Lstat(like, &stat); err != nil {
			return &fs.PathError{Op: "lstat", Path: like, Err: err}
		}
		uid, gid, mode = int(stat.Uid), int(stat.Gid), fs.FileMode(stat.Mode)&widest
	}
	// The owner first: to change it takes setuid bits away.
	return errors.Join(f.Chown(uid, gid), f.Chmod(mode))
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Replace puts a text in the place of a file, wholly or not at all.
func Replace(path string, text []byte) error {
	have, err := readRegular(path)
	if err != nil {
		return err
	}
	r, err := Prepare(path, have, text)
	if err != nil {
		return err
	}
	return errors.Join(r.Put(), r.Discard())
}
