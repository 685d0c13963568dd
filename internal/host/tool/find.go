package tool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hardenctl/hardenctl/internal/host/here"
)

// folders is where tools are looked for, in this order.
var folders = []string{"/usr/sbin", "/sbin", "/usr/bin", "/bin"}

// environment is all that a tool sees of the environment.
func environment() []string {
	return []string{"LC_ALL=C", "PATH=" + strings.Join(folders, ":")}
}

// ErrMissing is what a *MissingError is.
var ErrMissing = errors.New("not installed")

// MissingError says that a tool is in none of the folders.
type MissingError struct {
	Tool string
	// Package is what Debian calls the package that has the tool; empty if not
	// known.
	Package string
}

// Error says where the tool was looked for and what to install.
func (e *MissingError) Error() string {
	message := fmt.Sprintf("%s is not installed in %s", e.Tool, strings.Join(folders, ", "))
	if e.Package != "" {
		message += ": " + Install(e.Package)
	}
	return message
}

// Install says how to install a package on this host, by its name on Debian.
func Install(debian string) string {
	if known := here.Host().Packages; known != nil {
		command, name := known.Command(debian)
		return fmt.Sprintf("install the package %s (%s)", name, command)
	}
	return fmt.Sprintf("install the package %s (its name on Debian)", debian)
}

// Is makes errors.Is(err, ErrMissing) true.
func (e *MissingError) Is(target error) bool { return target == ErrMissing }

// Find returns the absolute path of a tool, or a *MissingError. A name with a
// slash is never found.
func Find(name string) (string, error) {
	if name != "" && !strings.Contains(name, "/") {
		for _, folder := range folders {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return "", &MissingError{Tool: name, Package: debianPackage(name)}
}

// debianPackage names the package that a tool comes in. The variants of
// iptables (-nft-save, -legacy-restore, …) are all in one.
func debianPackage(name string) string {
	switch name {
	case "ip", "ss", "tc", "bridge":
		return "iproute2"
	case "ipset", "nmap", "conntrack":
		return name
	case "nft":
		return "nftables"
	case "sysctl":
		return "procps"
	case "modprobe":
		return "kmod"
	}
	for _, prefix := range []string{"iptables", "ip6tables", "xtables"} {
		if strings.HasPrefix(name, prefix) {
			return "iptables"
		}
	}
	return ""
}
