package login

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/internal/host/process"
)

// Connection is an SSH connection, as SSH_CONNECTION has it (ssh(1)). The zero
// value is none.
type Connection struct {
	Far, Near netip.AddrPort
	// Own says that this process was told. Else a process above was, such as the
	// shell under which sudo runs: it may be a login of days ago that has begun a
	// tmux, and is over.
	Own bool
}

// Connected is the connection by which this process was called. sshd tells it to
// the login shell; sudo takes it out of the environment, so that the processes
// above are asked too.
func Connected() Connection {
	if c, ok := connectionIn([]byte(variable + os.Getenv("SSH_CONNECTION"))); ok {
		c.Own = true
		return c
	}
	for pid := os.Getppid(); pid > 1; {
		environment, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ")) // empty if it has ended
		if c, ok := connectionIn(environment); ok {
			return c
		}
		p, err := process.Read("/proc", pid)
		if err != nil {
			break
		}
		pid = p.Parent
	}
	return Connection{}
}

const variable = "SSH_CONNECTION="

// connectionIn finds the connection in an environment, whose variables end in
// NUL: both ends, each an address and a port, between blanks.
func connectionIn(environment []byte) (c Connection, ok bool) {
	for v := range bytes.SplitSeq(environment, []byte{0}) {
		value, found := strings.CutPrefix(string(v), variable)
		words := strings.Fields(value)
		if !found || len(words) != 4 {
			continue
		}
		far, err1 := end(words[0], words[1])
		near, err2 := end(words[2], words[3])
		if err1 == nil && err2 == nil {
			return Connection{Far: far, Near: near}, true
		}
	}
	return c, false
}

func end(address, port string) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return netip.AddrPortFrom(a.Unmap(), uint16(number)), err
}
