// Package environ readies the process of a command: its environment, its umask, and
// what a reader who hangs up may do to it.
package environ

import (
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// searchPath is where programs are looked for: the path of Debian's root, and
// not the caller's. What host runs, it finds by itself (host/tool).
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// kept are the variables that hardenctl reads, and those that end in an asterisk
// any that begin so.
var kept = []string{
	"TERM", "NO_COLOR", // how to print
	"SSH_CONNECTION", "SUDO_USER", // who calls
	"HARDENCTL_*",
}

// Scrub takes out of the environment of root's process, and so of everything
// that it starts, whatever hardenctl does not read: LD_PRELOAD, XTABLES_LIBDIR,
// TMPDIR and the like choose what a program does, and only its caller knows
// where they come from.
func Scrub() {
	if os.Geteuid() != 0 {
		return
	}
	old := os.Environ()
	os.Clearenv()
	for _, variable := range old {
		name, value, _ := strings.Cut(variable, "=")
		if isKept(name) {
			os.Setenv(name, value)
		}
	}
	os.Setenv("PATH", searchPath)
}

// Steady readies the process of a command that changes the host. What it writes
// is root's alone, where it does not say otherwise. And a reader who hangs up
// must not end it half-way: Go ends a process that writes to a closed standard
// output, unless the signal is ignored.
func Steady() {
	syscall.Umask(0o077)
	signal.Ignore(syscall.SIGPIPE)
}

func isKept(name string) bool {
	return slices.ContainsFunc(kept, func(k string) bool {
		prefix, any := strings.CutSuffix(k, "*")
		return name == k || any && strings.HasPrefix(name, prefix)
	})
}
