package durable

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

// folderMode is the mode of the folders that Prepare makes, whatever the umask.
const folderMode = 0o755

// Replacement is a file that is about to change. What needs space is done when
// it is prepared: to put the new file in place, and to restore the old one,
// takes a rename each. At any moment the file is wholly old or wholly new.
type Replacement struct {
	path   string
	have   []byte // what the file held when it was read
	widest fs.FileMode
	beside string // the new file; empty if the file is to go
	old    string // another name of the old file; empty if there is none
	put    bool   // whether the new file may be at path
}

// Prepare writes and syncs text beside the file at path, making the folder
// where it is missing, and gives the file that is there another name. have is
// what the file held when it was read, nil for no file. A nil text prepares the
// file's removal. The new file has the owner and the mode of the old one, but no
// mode wider than widest. Nothing changes at path, and nothing is left behind on an
// error.
func Prepare(path string, have, text []byte, widest fs.FileMode) (*Replacement, error) {
	r := &Replacement{path: path, have: have, widest: widest}
	if err := safepath.MakeFolder(filepath.Dir(path), folderMode); err != nil {
		return nil, err
	}
	if err := r.keepOld(hidden(path, "old")); err != nil {
		return nil, err
	}
	if text == nil {
		return r, nil
	}
	if err := r.writeNew(Beside(path), text); err != nil {
		return nil, errors.Join(err, r.Discard())
	}
	return r, nil
}

func (r *Replacement) keepOld(name string) error {
	if err := removeIfThere(name); err != nil {
		return err
	}
	err := link(r.path, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		r.old = name
	}
	return err
}

func (r *Replacement) writeNew(name string, text []byte) error {
	if err := removeIfThere(name); err != nil {
		return err
	}
	err := create(name, text, r.resemble)
	if err == nil {
		r.beside = name
	}
	return err
}

// Put makes the new file the one at path, unless somebody has changed the file
// since it was read: the text to put was made of what it held then.
func (r *Replacement) Put() error {
	now, err := Read(r.path)
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
// is left as it is, since others may have written a newer one.
func (r *Replacement) Back() error {
	if !r.put {
		return nil
	}
	return r.move(r.old)
}

// move gives the file called from the name path; none at all if from is empty.
// Renaming a name of the file that is there already does nothing.
func (r *Replacement) move(from string) error {
	var err error
	if from == "" {
		err = removeIfThere(r.path)
	} else {
		err = rename(from, r.path)
	}
	return errors.Join(err, sync(filepath.Dir(r.path)))
}

// Discard removes what was prepared and is not needed any more.
func (r *Replacement) Discard() error {
	var failed error
	for _, name := range []string{r.beside, r.old} {
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
				failed = errors.Join(failed, remove(name))
			}
		}
	}
	return failed
}

// resemble gives f the owner and the mode of the old file, if there is one. A new
// one is the group's of this process: a folder may give what is made there to its
// own (setgid).
func (r *Replacement) resemble(f *os.File) error {
	uid, gid, mode := os.Geteuid(), os.Getegid(), r.widest
	if r.old != "" {
		var stat unix.Stat_t
		if err := unix.Lstat(r.old, &stat); err != nil {
			return &fs.PathError{Op: "lstat", Path: r.old, Err: err}
		}
		uid, gid, mode = int(stat.Uid), int(stat.Gid), fs.FileMode(stat.Mode)&r.widest
	}
	// The owner first: to change it takes setuid bits away.
	return errors.Join(chown(f, uid, gid), chmod(f, mode))
}

// Replace puts a text in the place of a file, wholly or not at all, with the owner
// and the mode that Prepare gives it.
func Replace(path string, text []byte, widest fs.FileMode) error {
	have, err := Read(path)
	if err != nil {
		return err
	}
	r, err := Prepare(path, have, text, widest)
	if err != nil {
		return err
	}
	return errors.Join(r.Put(), r.Discard())
}

// Read returns the text of a file, nil where there is none. It takes only what
// safepath.ReadFile does: what root's own hands have written.
func Read(path string) ([]byte, error) {
	text, err := safepath.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && text == nil {
		text = []byte{}
	}
	return text, err
}
