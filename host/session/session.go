// Package session tells one login from another.
//
// A confirm proves that a new login works only if it comes from a new one. Over
// SSH a login is known by its connection: by SSH_CONNECTION, as long as nobody
// has taken it out of the environment, as sudo does; and by the process of sshd
// that serves it, which is above everything that the login runs, also under
// sudo. What runs in tmux or screen has no sshd above it, and the variable of
// the login that started the multiplexer; under sudo it has neither, and is as
// unknown as a console.
package session

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Session is what is known of a login. The zero value is one of which nothing
// is known.
type Session struct {
	// SSH is SSH_CONNECTION: the addresses and ports of both ends.
	SSH string `json:"ssh,omitempty"`
	// Server is the process that serves the login, with its start time, so that
	// another one of the same number is not taken for it.
	Server string `json:"server,omitempty"`
}

// servers begin the names of the processes that serve a login over SSH.
var servers = []string{"sshd", "dropbear"}

// Current is the login that runs this process.
func Current() Session {
	return Session{SSH: os.Getenv("SSH_CONNECTION"), Server: server("/proc", os.Getpid())}
}

// Remote reports whether the login is known to have come over SSH.
func (s Session) Remote() bool { return s != Session{} }

// Same reports whether two logins are, or may be, the same. What is known of
// both decides; where nothing is, they may be: sudo in tmux hides all that was
// known of the login that it runs in.
func (s Session) Same(other Session) bool {
	switch {
	case s.SSH != "" && other.SSH != "":
		return s.SSH == other.SSH
	case s.Server != "" && other.Server != "":
		return s.Server == other.Server
	}
	return true
}

// Console reports whether the terminal f is one that belongs to this machine,
// such as tty1 or ttyS0. A pseudo-terminal may belong to somebody far away.
func Console(f *os.File) bool {
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return false
	}
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	return err == nil && !strings.HasPrefix(name, "/dev/pts/")
}

// server returns the nearest process above that serves logins; empty if there
// is none.
func server(proc string, pid int) string {
	for pid > 1 {
		name, parent, started, err := stat(proc, pid)
		if err != nil {
			return ""
		}
		for _, s := range servers {
			if strings.HasPrefix(name, s) {
				return fmt.Sprintf("%d started %s", pid, started)
			}
		}
		pid = parent
	}
	return ""
}

// stat reads /proc/PID/stat (proc_pid_stat(5)): the name stands in parentheses
// and may hold any byte; of the fields behind it the 2nd is the parent and the
// 20th the time at which the process started.
func stat(proc string, pid int) (name string, parent int, started string, err error) {
	text, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", 0, "", err
	}
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return "", 0, "", fmt.Errorf("process %d: %q is no line of /proc/PID/stat", pid, text)
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 20 {
		return "", 0, "", fmt.Errorf("process %d: /proc/PID/stat has %d fields", pid, len(fields))
	}
	parent, err = strconv.Atoi(fields[1])
	return string(text[open+1 : end]), parent, fields[19], err
}
