// Package login tells one login from another.
//
// A confirm proves that a new login works only if it comes from a new one. Over
// SSH a login is known by its connection: by SSH_CONNECTION, unless it was
// taken out of the environment, as sudo does; and by the process of sshd
// that serves it, which is above everything that the login runs, also under
// sudo. What runs in tmux or screen has no sshd above it, and the variable of
// the login that started the multiplexer; under sudo it has neither, and is as
// unknown as a console.
package login

import (
	"fmt"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/host/process"
)

// Login is what is known of a login. The zero value is one of which nothing
// is known.
type Login struct {
	// SSH is SSH_CONNECTION: the addresses and ports of both ends.
	SSH string `json:"ssh,omitempty"`
	// Server is the process that serves the login, with its start time, so that
	// another one of the same number is not taken for it.
	Server string `json:"server,omitempty"`
}

// Current is the login that runs this process.
func Current() Login {
	return Login{SSH: os.Getenv("SSH_CONNECTION"), Server: server("/proc", os.Getpid())}
}

// From is the address from which the login came by SSH; the zero one if it is not
// known. The variable is the caller's, who can write anything into it.
func (s Login) From() netip.Addr {
	c, _ := connectionIn([]byte(variable + s.SSH))
	return c.Far.Addr().WithZone("")
}

// Remote reports whether the login is known to have come over SSH.
func (s Login) Remote() bool { return s != Login{} }

// Same reports whether two logins are, or may be, the same. What is known of
// both decides; where nothing is, they may be: sudo in tmux hides all that was
// known of the login that it runs in.
func (s Login) Same(other Login) bool {
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
	s, _, ok := serving(proc, pid)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d started %s", s.PID, s.Started)
}

// serving finds that process, and the number of the one below it, through which
// it serves this login.
func serving(proc string, pid int) (s process.Process, below int, ok bool) {
	for pid > 1 {
		p, err := process.Read(proc, pid)
		switch {
		case err != nil:
			return process.Process{}, 0, false
		case serves(proc, p):
			return p, below, true
		}
		below, pid = pid, p.Parent
	}
	return process.Process{}, 0, false
}
