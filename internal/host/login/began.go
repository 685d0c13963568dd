package login

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/process"
)

// Began returns when the connection of the login that runs this process began,
// on CLOCK_BOOTTIME. ok is false where nothing tells, as on a console and in
// tmux.
func Began() (at time.Duration, ok bool) {
	return began("/proc", os.Getpid(), os.Getenv("SSH_CONNECTION"))
}

// began asks the sshd that serves the login. For a user it is two processes: one
// that started with the connection, and below it, in the same session of
// setsid(2), one that started when the user had logged in. A login of another
// connection than connection, if that is known, is not the one.
func began(proc string, pid int, connection string) (at time.Duration, ok bool) {
	server, below, ok := serving(proc, pid)
	if !ok || connection != "" && connection != told(proc, below) {
		return 0, false
	}
	if leader, err := process.Read(proc, server.Leader); err == nil && leader.Name == server.Name {
		server = leader
	}
	return server.Began()
}

// told is the SSH_CONNECTION that a process was started with.
func told(proc string, pid int) string {
	environment, _ := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "environ")) // empty if it has ended
	for v := range bytes.SplitSeq(environment, []byte{0}) {
		if value, found := bytes.CutPrefix(v, []byte(variable)); found {
			return string(value)
		}
	}
	return ""
}
