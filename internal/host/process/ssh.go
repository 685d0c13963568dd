package process

import (
	"path"
	"strings"
)

// sshServers begin the names of the programs of SSH servers: OpenSSH's is sshd,
// since 9.8 with sshd-session, and since 10.0 with sshd-auth; dropbear is also
// called dropbearmulti.
var sshServers = []string{"sshd", "dropbear"}

// SSHServer returns the name of the program if a process is one of an SSH server
// that root has started: "sshd-session"; else "". Root's own it is, or, where it
// serves a user by that user's rights, a child of root's that executes the same
// program. A user can start the program too, under any title, or a copy of another,
// but cannot make root start it. An orphan is a child of process 1, which may be
// sshd in a container. Dropbear serves users as root.
func SSHServer(proc string, pid int) string {
	name := sshProgram(proc, pid)
	if name == "" || roots(proc, pid) {
		return name
	}
	p, err := Read(proc, pid)
	if err != nil || p.Parent == 1 || !roots(proc, p.Parent) {
		return ""
	}
	if Program(proc, p.Parent) != Program(proc, pid) || strings.HasPrefix(name, "dropbear") {
		return ""
	}
	return name
}

func sshProgram(proc string, pid int) string {
	name := path.Base(Program(proc, pid))
	for _, s := range sshServers {
		if strings.HasPrefix(name, s) {
			return name
		}
	}
	return ""
}

func roots(proc string, pid int) bool {
	uid, ok := User(proc, pid)
	return ok && uid == 0
}
