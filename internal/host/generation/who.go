package generation

import (
	"os"
	"strings"

	"github.com/hardenctl/hardenctl/internal/host/login"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// Who is the person behind an apply, as far as the host knows. It is a record
// for people, no proof: root can write what root likes.
type Who struct {
	// User is the user that hardenctl ran as.
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
	if far := login.Connected().Far.Addr(); far.IsValid() {
		w.Address = far.WithZone("").String()
	}
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
