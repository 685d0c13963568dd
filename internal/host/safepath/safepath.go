// Package safepath says in whose hands a path is.
//
// Hardenctl runs as root and turns files into a firewall. What it reads as its
// orders must be in the hands of users that root trusts (Trusted); what it
// writes must go to the place that is named and to no other (Real, MakeFolder).
//
// Both look at every folder on the way from / down, since a user who may write to
// a folder may put something else in the place of what is in it. They look by
// name and not at an open file, and need not fear what changes in between: if
// no one else can change any part of the way, only those who are believed
// could. A folder that everyone may write to but whose entries only their
// owners may remove (the sticky bit, as on /tmp) is not a danger by itself: the
// owner of the next step is looked at as well. Access lists need no look of
// their own: their widest grant shows in the group's bits of the mode
// (acl(5), "correspondence between ACL entries and file permission bits").
package safepath

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// most is how many symbolic links a way may have, as in the kernel
// (path_resolution(7)).
const most = 40

// Error says why a path is in the wrong hands.
type Error struct {
	// Path is the part of the way that is to blame.
	Path string
	// Reason is what is wrong with it, after its name: "is owned by bob".
	Reason string
	// Remedy is what sets it right; empty if that depends on what the path is for.
	// It names no command that takes a path out of a user's hands: the part to
	// blame may be a home, or a folder that many share.
	Remedy string
}

// Error says what is wrong, where, and what to do.
func (e *Error) Error() string {
	if e.Remedy == "" {
		return e.Path + " " + e.Reason
	}
	return fmt.Sprintf("%s %s; %s", e.Path, e.Reason, e.Remedy)
}

// Trusted returns an *Error if anyone can change what is at a path but root,
// the user that this process runs as, and the person who logged in and became
// root (sudo, su): her hands hold this process too. Symbolic links on the way
// are followed and looked at like the rest. A path that leads nowhere is an
// error of the operating system's.
func Trusted(path string) error {
	owners := []uint32{0, uint32(os.Geteuid())}
	if login, ok := LoginUID(); ok {
		owners = append(owners, login)
	}
	return trusted(path, owners)
}

func trusted(path string, owners []uint32) error {
	path, err := absolute(path)
	if err != nil {
		return err
	}
	w := walk{owners: owners, at: "/", rest: parts(path)}
	return w.end()
}

// Real returns an *Error if a folder, or one above it, is a symbolic link, is no
// folder, or can be changed by anyone but root and the user as whom this
// process runs. Folders that do not exist yet have no owner, and are not an error.
func Real(folder string) error {
	folder, err := absolute(folder)
	if err != nil {
		return err
	}
	w := walk{owners: []uint32{0, uint32(os.Geteuid())}, real: true, at: "/", rest: parts(folder)}
	if err := w.end(); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// MakeFolder makes a folder, and those above it that are missing, with exactly
// this mode, whatever the umask; each must be Real. A folder that exists keeps
// its mode.
func MakeFolder(folder string, mode fs.FileMode) error {
	if err := Real(folder); err != nil {
		return err
	}
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := MakeFolder(filepath.Dir(folder), mode); err != nil {
		return err
	}
	if err := os.Mkdir(folder, mode); err != nil {
		return err
	}
	return os.Chmod(folder, mode)
}

// LoginUID returns the user who logged in, which the kernel notes at a login and
// keeps through sudo and su, unlike SUDO_UID, which anyone can set; false if
// no user logged in, as for what systemd starts, or if the kernel has no audit
// (proc_pid_loginuid(5)).
func LoginUID() (uint32, bool) {
	const nobody = 1<<32 - 1
	text, err := os.ReadFile("/proc/self/loginuid")
	if err != nil {
		return 0, false
	}
	uid, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	return uint32(uid), err == nil && uid != nobody
}

// UserName returns the name of a user, or the number of one who has none.
func UserName(uid uint32) string {
	number := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
}

func absolute(path string) (string, error) {
	if path == "" {
		return "", fs.ErrNotExist
	}
	if filepath.IsAbs(path) {
		return path, nil
	}
	folder, err := os.Getwd()
	return folder + "/" + path, err // not cleaned: ".." after a link leads elsewhere
}

func parts(path string) []string { return strings.Split(path, "/") }

// walk goes down a path as the kernel does.
type walk struct {
	owners []uint32
	real   bool     // whether links are refused, and everything must be a folder
	at     string   // where it is: an absolute path without links
	rest   []string // what is left of the path
	links  int
}

// end goes to the end of the path.
func (w *walk) end() error {
	if err := w.look(w.at); err != nil {
		return err
	}
	for len(w.rest) > 0 {
		name := w.rest[0]
		w.rest = w.rest[1:]
		switch name {
		case "", ".":
		case "..":
			w.at = filepath.Dir(w.at)
		default:
			if err := w.look(filepath.Join(w.at, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// look judges one step. The walk is at its end then, or before what a link leads
// to.
func (w *walk) look(path string) error {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	if !slices.Contains(w.owners, stat.Uid) {
		return &Error{path, "is owned by " + UserName(stat.Uid), w.rootOnly(path)}
	}
	kind := stat.Mode & unix.S_IFMT
	if kind == unix.S_IFLNK {
		return w.follow(path)
	}
	if w.real && kind != unix.S_IFDIR {
		return &Error{path, "is not a folder", "move it away"}
	}
	if stat.Mode&0o022 != 0 && (kind != unix.S_IFDIR || stat.Mode&unix.S_ISVTX == 0) {
		return &Error{path, fmt.Sprintf("is writable by other users (mode %04o)", stat.Mode&0o7777), w.rootOnly(path)}
	}
	w.at = path
	return nil
}

// rootOnly is the remedy for a folder to which hardenctl writes. Who has opened
// it, and what has come in since, only a person can judge.
func (w *walk) rootOnly(path string) string {
	if !w.real {
		return ""
	}
	return "hardenctl writes only to folders that only root can change: find out who changed this one (ls -ld " + path + ")"
}

func (w *walk) follow(path string) error {
	if w.real {
		return &Error{path, "is a symbolic link, which hardenctl does not follow there", "replace it by a folder, and mount its target there (mount --bind)"}
	}
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	if w.links++; w.links > most {
		return &fs.PathError{Op: "follow", Path: path, Err: unix.ELOOP}
	}
	if filepath.IsAbs(target) {
		w.at = "/"
	}
	w.rest = append(parts(target), w.rest...)
	return nil
}
