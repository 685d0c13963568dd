package safepath

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// MostBytes is the largest file that is read: the sets of a million entries of
// each family are 80 MiB. A file without blocks (truncate -s 3G) costs its owner
// nothing, and its reader all memory.
const MostBytes = 256 << 20

// ReadFile reads a file that root takes for the truth: a regular file, in a
// folder that is Real, which only root, or the user as whom this process runs, can
// have written. The error is an *Error if others own the file or may write it, or
// if it is larger than MostBytes. It looks at the open file.
func ReadFile(path string) ([]byte, error) {
	if err := Real(filepath.Dir(path)); err != nil {
		return nil, err
	}
	f, err := open(path, unix.O_NOFOLLOW)
	if errors.Is(err, unix.ELOOP) {
		return nil, notRegular(path, "a symbolic link")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := Own(f); err != nil {
		return nil, err
	}
	return readBounded(f)
}

// ReadAny reads a file that is only looked at, in whosever hands it is, if it is
// not larger than MostBytes.
func ReadAny(path string) ([]byte, error) {
	f, err := open(path, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f)
}

// open opens a file to read. It does not wait for the writer of a FIFO.
func open(path string, flags int) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Own returns an *Error if an open file is not a regular one, or if users other
// than root, and the user as whom this process runs, own it or may write it.
func Own(f *os.File) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return &fs.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	switch {
	case stat.Mode&unix.S_IFMT == unix.S_IFDIR:
		return notRegular(f.Name(), "a folder")
	case stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return notRegular(f.Name(), "a special file")
	case stat.Uid != 0 && stat.Uid != uint32(os.Geteuid()):
		return &Error{f.Name(), "is owned by " + UserName(stat.Uid) + ", who may have changed it", readFirst(f.Name())}
	case stat.Mode&0o022 != 0:
		return &Error{f.Name(), fmt.Sprintf("is writable by other users (mode %04o)", stat.Mode&0o7777), readFirst(f.Name())}
	}
	return nil
}

// Regular returns an *Error if there is something at a path that is not a regular
// file. It looks at a link itself, and not at what it leads to.
func Regular(path string) error {
	stat, err := os.Lstat(path)
	switch {
	case err != nil || stat.Mode().IsRegular():
		return nil // who opens the file learns what is wrong with it
	case stat.IsDir():
		return notRegular(path, "a folder")
	case stat.Mode()&fs.ModeSymlink != 0:
		return notRegular(path, "a symbolic link")
	}
	return notRegular(path, "a special file")
}

// readFirst is the remedy for a file that others can have written. To make it
// root's alone by ourselves would make their lines root's.
func readFirst(path string) string {
	return fmt.Sprintf("check its content; if it is correct, make root its owner: install -m 0640 %[1]s %[1]s.read && mv %[1]s.read %[1]s", path)
}

func notRegular(path, kind string) error {
	return &Error{path, "is " + kind + ", not a regular file", "move it away"}
}

func readBounded(f *os.File) ([]byte, error) {
	if stat, err := f.Stat(); err == nil && stat.Size() > MostBytes {
		return nil, TooLarge(f.Name())
	}
	text, err := io.ReadAll(io.LimitReader(f, MostBytes+1)) // a file of /proc has no size
	if err == nil && len(text) > MostBytes {
		return nil, TooLarge(f.Name())
	}
	return text, err
}

// TooLarge is the error of a file of more than MostBytes.
func TooLarge(path string) error {
	return &Error{path, fmt.Sprintf("is larger than %d MiB, too large for a firewall file", MostBytes>>20), "check what it is, and move it away"}
}
