package persist

import (
	"os"

	"hardenctl/compiler/bundle"
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

// BootNotes says which packages are missing for the saved files to be loaded
// when the host boots.
func BootNotes(layout bundle.Layout) []string {
	var notes []string
	for _, l := range loaders[layout] {
		if _, err := os.Stat(l.path); err != nil {
			notes = append(notes, "nothing here loads the saved files at boot: install "+l.pkg)
		}
	}
	return notes
}
