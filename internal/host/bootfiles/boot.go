package bootfiles

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/deploy/systemd"
)

// loader is what loads rules or sets at boot: a file of a package, and the unit
// that must be enabled, where the package does not do that.
type loader struct{ path, pkg, unit string }

// loaders are those of each layout. RHEL 9 calls the package iptables-nft-services
// that was iptables-services; both have the same units.
var loaders = map[bundle.Layout][]loader{
	bundle.Debian: {
		{path: "/usr/share/netfilter-persistent/plugins.d/15-ip4tables", pkg: "iptables-persistent"},
		{path: "/usr/share/netfilter-persistent/plugins.d/10-ipset", pkg: "ipset-persistent"},
	},
	bundle.RHEL: {
		{"/usr/lib/systemd/system/iptables.service", "iptables-nft-services", "iptables.service"},
		{"/usr/lib/systemd/system/ip6tables.service", "iptables-nft-services", "ip6tables.service"},
		{"/usr/lib/systemd/system/ipset.service", "ipset-service", "ipset.service"},
	},
}

// missing says what to do for the loader to run at boot; "" if it will.
func (l loader) missing(root string) string {
	if !exists(root + l.path) {
		return "install " + l.pkg
	}
	if wants, _ := filepath.Glob(root + "/etc/systemd/system/*.wants/" + l.unit); l.unit != "" && len(wants) == 0 {
		return "systemctl enable " + l.unit
	}
	return ""
}

// Unloaded says, each thing once, what to do for the saved files to be loaded
// at boot; nothing if they will be.
func Unloaded(layout bundle.Layout) []string {
	if unitFiles() != nil || exists(shipped) {
		return nil
	}
	return unloaded(layout, "")
}

func unloaded(layout bundle.Layout, root string) []string {
	var notes []string
	for _, l := range loaders[layout] {
		note := "no service loads the saved files at boot: " + l.missing(root)
		if l.missing(root) != "" && !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	return notes
}

// Where our own loader is: installed by an apply, or shipped by a package.
const (
	unitPath   = "/etc/systemd/system/hardenctl-restore.service"
	enablePath = "/etc/systemd/system/sysinit.target.d/hardenctl.conf"
	shipped    = "/usr/lib/systemd/system/hardenctl-restore.service"
	systemdBin = "/usr/lib/systemd/systemd"
)

// unitFiles are the files of our own loader, by their paths: none where a
// package ships it, where there is no systemd, and where the program that runs
// is not the one that the unit would start, such as one that is tried out in a
// home.
func unitFiles() map[string][]byte {
	if !exists(systemdBin) || exists(shipped) || !installed() {
		return nil
	}
	return map[string][]byte{unitPath: systemd.Unit, enablePath: systemd.Enable}
}

// installed reports whether the program that runs is the one that the unit
// starts.
func installed() bool {
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false
	}
	program, err := os.Stat(systemd.Program)
	return err == nil && os.SameFile(self, program)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// BootNotes says what is missing for the saved files to be loaded when the host
// boots, and for the host to be closed if they cannot be.
func BootNotes(layout bundle.Layout, have, want map[string][]byte) []string {
	if unitFiles() != nil {
		return unitNotes(layout, have, want)
	}
	if exists(shipped) {
		return nil
	}
	notes := Unloaded(layout)
	if exists(systemdBin) {
		notes = append(notes, fmt.Sprintf("if the saved files fail to load at boot, the host is open: install hardenctl as %s; the next apply then adds a unit that closes the host in that case", systemd.Program))
	}
	return notes
}

// unitNotes says that a unit that is new saves bans only once it was started.
func unitNotes(layout bundle.Layout, have, want map[string][]byte) []string {
	keeps := want[bundle.Paths(layout)[bundle.KeptSets]] != nil
	if !keeps || bytes.Equal(have[unitPath], want[unitPath]) {
		return nil
	}
	return []string{"to keep bans across a reboot, start the unit after the apply: systemctl daemon-reload && systemctl start hardenctl-restore"}
}
