package session

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is what the kernel says of one.
type process struct {
	pid    int
	name   string
	parent int
	// leader is the process that began the session of setsid(2) that this one is in.
	leader int
	// started is when it started, in clock ticks since the boot.
	started string
}

// servers begin the names of the processes that serve a login over SSH.
var servers = []string{"sshd", "dropbear"}

// serves reports whether the process is one of these.
func (p process) serves() bool {
	return slices.ContainsFunc(servers, func(s string) bool { return strings.HasPrefix(p.name, s) })
}

// stat reads /proc/PID/stat (proc_pid_stat(5)): the name stands in parentheses
// and may hold any byte; of the fields behind it the 2nd is the parent, the 4th
// the leader of the session, and the 20th the time at which the process started.
func stat(proc string, pid int) (p process, err error) {
	text, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return p, err
	}
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return p, fmt.Errorf("process %d: %q is no line of /proc/PID/stat", pid, text)
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 20 {
		return p, fmt.Errorf("process %d: /proc/PID/stat has %d fields", pid, len(fields))
	}
	p = process{pid: pid, name: string(text[open+1 : end]), started: fields[19]}
	if p.parent, err = strconv.Atoi(fields[1]); err != nil {
		return p, err
	}
	p.leader, err = strconv.Atoi(fields[3])
	return p, err
}
