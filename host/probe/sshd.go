package probe

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// sshdRole is what a process of sshd does with a socket that it holds. Of two
// that hold one, the later role counts.
type sshdRole int

const (
	sshdNone     sshdRole = iota // no sshd holds it
	sshdServing                  // listens, or talks to somebody who has not logged in
	sshdLoggedIn                 // serves a user
)

// sshdNames are the programs of OpenSSH's server: one up to 9.7, another for
// the sessions since, and a third for those who log in since 10.0.
var sshdNames = map[string]bool{"sshd": true, "sshd-session": true, "sshd-auth": true}

// sshdRoles returns the roles of the sockets that processes of sshd hold, by
// inode. Processes that end while it looks are left out.
func sshdRoles() (map[string]sshdRole, error) {
	roles := map[string]sshdRole{}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, p := range processes {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		if err := addRoles(roles, filepath.Join("/proc", p.Name())); err != nil {
			return nil, err
		}
	}
	return roles, nil
}

// addRoles adds the sockets of one process, by its folder.
func addRoles(roles map[string]sshdRole, process string) error {
	name, err := os.ReadFile(process + "/comm")
	if err != nil || !sshdNames[strings.TrimSpace(string(name))] {
		return nil // it has ended, or is another program
	}
	title, _ := os.ReadFile(process + "/cmdline")
	role := roleOf(string(bytes.Trim(bytes.ReplaceAll(title, []byte{0}, []byte(" ")), " ")))
	files, err := os.ReadDir(process + "/fd")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, f := range files {
		link, _ := os.Readlink(process + "/fd/" + f.Name())
		if inode, isSocket := strings.CutPrefix(link, "socket:["); isSocket {
			inode = strings.TrimSuffix(inode, "]")
			roles[inode] = max(roles[inode], role)
		}
	}
	return err
}

// roleOf reads the title that a process of sshd gives itself (setproctitle in
// sshd.c, session.c and monitor.c): "sshd: alice@pts/0", or "sshd: alice" where
// she only forwards ports, serves a user. What ends in a bracket is the
// listener, "[accepted]", or the pair "alice [priv]" and "alice [net]" of
// somebody who is logging in; "[priv]" also stands beside a session.
func roleOf(title string) sshdRole {
	_, user, titled := strings.Cut(title, ": ")
	if !titled || strings.HasSuffix(user, "]") || strings.Contains(user, " ") {
		return sshdServing
	}
	return sshdLoggedIn
}
