package probe

import (
	"bytes"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/escape"
	"github.com/hardenctl/hardenctl/internal/host/process"
)

// role is what a process does with a socket that it holds. Of two that hold one,
// the later role counts.
type role int

const (
	unknownRole role = iota // no server of which it can be told
	serving                 // an SSH server's, which listens, or talks to somebody who has not logged in
	loggedIn                // an SSH server's, which serves a user
)

// holder is what holds a socket.
type holder struct {
	role    role
	program string // its file's name, as a line shows it; "" if it is unknown
}

// holders returns what holds the sockets of this host, by inode. What processes
// call themselves counts only where root has started an SSH server
// (process.SSHServer): any user can be "sshd: root@pts/0". Processes that end while
// it looks are left out.
func holders() (map[string]holder, error) {
	pids, err := process.All(proc)
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, pid := range pids {
		if p, err := process.Read(proc, pid); err == nil {
			children[p.Parent] = append(children[p.Parent], pid)
		}
	}
	all := map[string]holder{}
	for _, pid := range pids {
		sockets := process.Sockets(proc, pid)
		if len(sockets) == 0 {
			continue
		}
		h := holder{program: escape.Line(path.Base(process.Program(proc, pid)))}
		switch server := process.SSHServer(proc, pid); {
		case strings.HasPrefix(server, "dropbear"):
			h.role = dropbearRole(children[pid])
		case server != "":
			h.role = roleOf(titleOf(pid))
		}
		for _, inode := range sockets {
			if known, held := all[inode]; !held || h.role > known.role {
				all[inode] = h
			}
		}
	}
	return all, nil
}

const proc = "/proc"

// dropbearRole tells a dropbear by its children: it starts one process for each
// connection, and that starts the user's shell or command, once the user has
// logged in. The one that listens has children too, which are dropbear.
func dropbearRole(children []int) role {
	for _, child := range children {
		if program := process.Program(proc, child); program != "" && !strings.HasPrefix(path.Base(program), "dropbear") {
			return loggedIn
		}
	}
	return serving
}

// titleOf is what a process says that it does.
func titleOf(pid int) string {
	title, _ := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "cmdline"))
	return string(bytes.Trim(bytes.ReplaceAll(title, []byte{0}, []byte(" ")), " "))
}

// roleOf reads the title that a process of sshd gives itself (setproctitle in
// sshd.c, session.c and monitor.c): "sshd: alice@pts/0", or "sshd: alice" where
// she only forwards ports, serves a user. What ends in a bracket is the
// listener, "[accepted]", or the pair "alice [priv]" and "alice [net]" of
// somebody who is logging in; "[priv]" is also there beside a login.
func roleOf(title string) role {
	_, user, titled := strings.Cut(title, ": ")
	if !titled || strings.HasSuffix(user, "]") || strings.Contains(user, " ") {
		return serving
	}
	return loggedIn
}

// ConnectionBegan returns when the first process of an SSH server that holds an open
// connection began, on CLOCK_BOOTTIME; ok is false if none does.
func ConnectionBegan(near, far netip.AddrPort) (at time.Duration, ok bool) {
	sockets, err := tcpSockets()
	found := slices.IndexFunc(sockets, func(s socket) bool { return s.state == tcpOpen && s.near == near && s.far == far })
	pids, failed := process.All(proc)
	if err != nil || failed != nil || found < 0 {
		return 0, false
	}
	for _, pid := range pids {
		if process.SSHServer(proc, pid) == "" || !slices.Contains(process.Sockets(proc, pid), sockets[found].inode) {
			continue
		}
		p, err := process.Read(proc, pid)
		began, known := p.Began()
		if err == nil && known && (!ok || began < at) {
			at, ok = began, true
		}
	}
	return at, ok
}
