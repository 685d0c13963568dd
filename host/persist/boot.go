package persist

import (
	"bytes"
	"fmt"
	"os"

	"hardenctl/compiler/bundle"
	"hardenctl/deploy/systemd"
)

// loaders are the files of the packages that load rules and sets at boot.
var loaders = map[bundle.Layout][]struct{ path, pkg string }{
	bundle.Debian: {
		{"/usr/share/netfilter-persistent/plugins.d/15-ip4tables", "iptables-persistent"},
		{"/usr/share/netfilter-persistent/plugins.d/10-ipset", "ipset-persistent"},
	},
	bundle.RHEL: {
		{"/usr/lib/systemd/system/iptables.service", "iptables-services"},
		{"/usr/lib/systemd/system/ipset.service", "ipset-service"},
	},
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
	var notes []string
	for _, l := range loaders[layout] {
		if !exists(l.path) {
			notes = append(notes, "nothing here loads the saved files at boot: install "+l.pkg)
		}
	}
	if exists(systemdBin) {
		notes = append(notes, fmt.Sprintf("if the saved files cannot be loaded at boot, the host is open, as after a save without its sets in the middle of a trial: install hardenctl as %s, and an apply adds a unit that closes it then", systemd.Program))
	}
	return notes
}

// unitNotes says that a unit that is new saves bans only once it was started.
func unitNotes(layout bundle.Layout, have, want map[string][]byte) []string {
	keeps := want[bundle.Paths(layout)[bundle.KeptSets]] != nil
	if !keeps || bytes.Equal(have[unitPath], want[unitPath]) {
		return nil
	}
	return []string{"bans outlive a reboot once the unit runs: systemctl daemon-reload && systemctl start hardenctl-restore after the apply"}
}
