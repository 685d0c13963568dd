package generation

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hardenctl/host/safepath"
)

// Who is the person behind an apply, as far as the host knows. It is a record
// for people, no proof: root can write what root likes.
type Who struct {
	// User is the user as whom hardenctl ran.
	User string `json:"user"`
	// Login is the user who logged in (see safepath.LoginUID), and Sudo the one
	// that sudo names; each is empty if there is none.
	Login string `json:"login,omitempty"`
	Sudo  string `json:"sudo,omitempty"`
	// Address is that from which the person came by SSH.
	Address string `json:"address,omitempty"`
}

// Caller returns who runs this process.
func Caller() Who {
	w := Who{User: safepath.UserName(uint32(os.Geteuid())), Sudo: graphic(os.Getenv("SUDO_USER"))}
	if uid, ok := safepath.LoginUID(); ok {
		w.Login = safepath.UserName(uid)
	}
	w.Address = sshClient()
	return w
}

// String names the person: "alice from 192.0.2.7".
func (w Who) String() string {
	name := w.User
	for _, better := range []string{w.Sudo, w.Login} {
		if better != "" {
			name = better
		}
	}
	if w.Address != "" {
		name += " from " + w.Address
	}
	return name
}

// maxName is the longest name of a user that is kept (useradd's own limit).
const maxName = 32

// graphic cuts from a name what a terminal would act on.
func graphic(name string) string {
	name = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, name)
	return name[:min(len(name), maxName)]
}

// sshClient returns the address of the client whose session this process is in.
// sshd tells it to the login shell; sudo takes it out of the environment, so
// that the processes above are asked too.
func sshClient() string {
	if address := clientIn([]byte("SSH_CONNECTION=" + os.Getenv("SSH_CONNECTION"))); address != "" {
		return address
	}
	for pid := os.Getppid(); pid > 1; pid = parent(pid) {
		environment, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ")) // empty if it has ended
		if address := clientIn(environment); address != "" {
			return address
		}
	}
	return ""
}

// clientIn returns the client's address in an environment, whose variables end
// in NUL: the first word of SSH_CONNECTION (ssh(1)).
func clientIn(environment []byte) string {
	for variable := range bytes.SplitSeq(environment, []byte{0}) {
		value, ok := strings.CutPrefix(string(variable), "SSH_CONNECTION=")
		if !ok {
			continue
		}
		first, _, _ := strings.Cut(value, " ")
		if address, err := netip.ParseAddr(first); err == nil {
			return address.Unmap().WithZone("").String()
		}
	}
	return ""
}

// parent returns the process above another; 0 if it has ended.
func parent(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ") // the name may hold anything
	var state string
	var above int
	fmt.Sscan(rest, &state, &above)
	return above
}
