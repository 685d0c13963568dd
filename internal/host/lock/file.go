package lock

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/process"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// strange says what lets users other than root open the lock, after its name: who
// can read it, can hold it (flock(2)). It is empty for a file as an apply makes it.
func strange(f *os.File) string {
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return ""
	}
	switch {
	case stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return "was not a regular file"
	case stat.Uid != uint32(os.Geteuid()):
		return "was owned by " + safepath.UserName(stat.Uid)
	case stat.Mode&0o077 != 0:
		return fmt.Sprintf("had mode %04o", stat.Mode&0o7777)
	case stat.Nlink > 1:
		return "had another name" // in a folder that others may reach
	}
	return ""
}

// isAt reports whether an open lock is the one that others open: it may have
// been made anew meanwhile.
func (l Lock) isAt(f *os.File) bool {
	there, err := os.Lstat(l.Path)
	if err != nil {
		return false
	}
	own, err := f.Stat()
	return err == nil && os.SameFile(own, there)
}

// replace puts a new file in the place of the lock. Who has the old one open
// holds nothing any more. Of two that do so at once, one waits for its next look:
// the new file is locked until it is there.
func (l Lock) replace(old *os.File) error {
	fresh := l.Path + ".new"
	if wrong := safepath.Regular(fresh); wrong != nil && os.Remove(fresh) != nil {
		return wrong
	}
	f, err := os.OpenFile(fresh, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	switch {
	case unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil:
		return nil
	case strange(f) != "" || !l.isAt(old):
		return os.Remove(fresh)
	}
	return durable.Rename(fresh, l.Path)
}

// heldByRoot reports whether a process of root's may hold the lock. The kernel
// tells who has taken it (proc_locks(5)), a number; a process that has ended may
// have left it to one that it started: then every process that has the file open
// may be that one, but for those who wait here too.
func heldByRoot(f *os.File) bool {
	stat, err := f.Stat()
	if err != nil {
		return true
	}
	number, _ := strconv.Atoi(taker(f)) // 0, of which there is none
	if uid, alive := process.User(proc, number); alive {
		return uid == 0
	}
	all, err := process.All(proc)
	return err != nil || slices.ContainsFunc(all, func(pid int) bool { return inherits(pid, stat) })
}

// inherits reports whether a process of root's that is not hardenctl has a file open.
func inherits(pid int, file os.FileInfo) bool {
	uid, alive := process.User(proc, pid)
	if !alive || uid != 0 || process.Program(proc, pid) == process.Program(proc, os.Getpid()) {
		return false
	}
	return opens(pid, file)
}

// opens reports whether a process has a file open.
func opens(pid int, file os.FileInfo) bool {
	open, _ := filepath.Glob(fmt.Sprintf("%s/%d/fd/*", proc, pid)) // the pattern is good
	return slices.ContainsFunc(open, func(fd string) bool {
		stat, err := os.Stat(fd)
		return err == nil && os.SameFile(stat, file)
	})
}

// taker returns the number of the process that took the lock; "" if it is unknown.
func taker(f *os.File) string {
	var stat unix.Stat_t
	text, err := safepath.ReadAny(proc + "/locks")
	if err != nil || unix.Fstat(int(f.Fd()), &stat) != nil {
		return ""
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino)
	for line := range bytes.Lines(text) {
		// "1: FLOCK  ADVISORY  WRITE 1234 00:19:42 0 EOF"
		if words := bytes.Fields(line); len(words) > 5 && string(words[1]) == "FLOCK" && string(words[5]) == file {
			return string(words[4])
		}
	}
	return ""
}

const proc = "/proc"
