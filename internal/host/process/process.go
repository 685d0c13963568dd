// Package process says what the kernel tells of processes.
//
// A process chooses its name and its title, and can copy those of any other
// (prctl(2), execve(2)): what they say proves nothing. Who runs it, what program
// it executes, and what started it, it cannot choose.
package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Process is what /proc/PID/stat says of one.
type Process struct {
	PID    int
	Name   string // as it calls itself
	Parent int
	// Leader is the process that began the session of setsid(2) that this one is in.
	Leader int
	// Started is when it started, in clock ticks since the boot.
	Started string
}

// Read reads /proc/PID/stat (proc_pid_stat(5)), where proc is "/proc": the name
// is in parentheses and may hold any byte; of the fields behind it the 2nd is
// the parent, the 4th the leader of the session, and the 20th the time at which
// the process started.
func Read(proc string, pid int) (p Process, err error) {
	text, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return p, err
	}
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return p, fmt.Errorf("process %d: %q is not a line of /proc/PID/stat", pid, text)
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 20 {
		return p, fmt.Errorf("process %d: /proc/PID/stat has %d fields", pid, len(fields))
	}
	p = Process{PID: pid, Name: string(text[open+1 : end]), Started: fields[19]}
	if p.Parent, err = strconv.Atoi(fields[1]); err != nil {
		return p, err
	}
	p.Leader, err = strconv.Atoi(fields[3])
	return p, err
}

// tick is the unit of times in /proc (USER_HZ), on every machine that Go knows.
const tick = time.Second / 100

// Began returns when a process started, on CLOCK_BOOTTIME.
func (p Process) Began() (at time.Duration, ok bool) {
	ticks, err := strconv.ParseInt(p.Started, 10, 64)
	return time.Duration(ticks) * tick, err == nil
}

// User returns the real user of a process; false if it has ended. What a user
// starts that is setuid is still the user's by that.
func User(proc string, pid int) (uid uint32, ok bool) {
	text, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, false
	}
	_, rest, _ := bytes.Cut(text, []byte("\nUid:"))
	words := bytes.Fields(rest)
	if len(words) == 0 {
		return 0, false
	}
	number, err := strconv.ParseUint(string(words[0]), 10, 32)
	return uint32(number), err == nil
}

// Program returns the path of what a process executes, by the link of the kernel's
// (proc_pid_exe(5)); "" if it is unknown. One that was replaced since, as by an
// upgrade, keeps its name.
func Program(proc string, pid int) string {
	path, _ := os.Readlink(filepath.Join(proc, strconv.Itoa(pid), "exe"))
	return strings.TrimSuffix(path, " (deleted)")
}

// All returns the numbers of all processes.
func All(proc string) (pids []int, err error) {
	entries, err := os.ReadDir(proc)
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// Sockets returns the inodes of the sockets that a process has open; nil if it has
// ended.
func Sockets(proc string, pid int) (inodes []string) {
	folder := filepath.Join(proc, strconv.Itoa(pid), "fd")
	files, _ := os.ReadDir(folder)
	for _, f := range files {
		link, _ := os.Readlink(filepath.Join(folder, f.Name()))
		if inode, isSocket := strings.CutPrefix(link, "socket:["); isSocket {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	return inodes
}
