package bundle

import (
	"slices"
	"strings"
)

// Each network interface that a profile names has a file of its own, since one
// file of systemd.link(5) says one thing of all that it matches. udev takes the
// first file that matches and no other: ours comes after whatever an
// administrator or netplan wrote, which may name the interface, and before
// systemd's own default.
const (
	linkFolder  = "nics/"
	linkSuffix  = ".link"
	linkTargets = "/etc/systemd/network/98-hardenctl-"
)

// LinkPattern matches the path of every link file of ours on a host.
const LinkPattern = linkTargets + "*" + linkSuffix

// LinkName returns the name of the file for a network interface.
func LinkName(nic string) string { return linkFolder + nic + linkSuffix }

// LinkTarget returns the path at which the file for a network interface is
// installed.
func LinkTarget(nic string) string { return linkTargets + nic + linkSuffix }

// LinkAt returns the name of the file that is installed at a path, if that is
// where a link file of ours would be.
func LinkAt(path string) (name string, ok bool) {
	nic, ours := strings.CutPrefix(path, linkTargets)
	name = linkFolder + nic
	return name, ours && isLink(name)
}

// isLink reports whether name is that of a link file of a bundle.
func isLink(name string) bool {
	nic, inFolder := strings.CutPrefix(name, linkFolder)
	nic, isFile := strings.CutSuffix(nic, linkSuffix)
	return inFolder && isFile && nic != "" && !strings.ContainsAny(nic, "/\x00")
}

// place is where a file of a bundle is installed.
type place struct {
	name    string
	targets map[Layout]string
	mode    string
}

// places returns every known file, and behind them those of the names that are
// link files or were the host's own, sorted: the order in which bundles list them.
func places(names ...string) []place {
	all := slices.Clone(known)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if isLink(name) {
			all = append(all, place{name, everywhere(linkTargets + strings.TrimPrefix(name, linkFolder)), open})
		}
		if path, ok := BeforePath(name); ok {
			all = append(all, place{name, everywhere(path), closed})
		}
	}
	return all
}

// names returns the names of the bundle's files.
func (b *Bundle) names() []string {
	var names []string
	for _, f := range b.Files {
		names = append(names, f.Name)
	}
	return names
}
