// Package here says which host this is, as the table of distributions knows it.
package here

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/distro"
)

// Host returns the rows of this host: by /etc/os-release and by the kernel that
// runs. Without such a file the distribution is unknown.
func Host() distro.Host {
	osRelease, _ := os.ReadFile("/etc/os-release")
	return distro.Find(string(osRelease), Release())
}

// Release is that of the kernel, as uname -r prints it.
func Release() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}
