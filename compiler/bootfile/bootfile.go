// Package bootfile writes the files by which kernel settings last over a boot, from
// the entries of a bundle's manifest. Each kind of setting is one value that
// implements Kind, in a file of its own; its other half, which reads and changes
// the setting on a host, is in package internal/host/setting.
package bootfile

import "github.com/hardenctl/hardenctl/compiler/bundle"

// Kind is one kind of kernel setting.
type Kind interface {
	// States reports whether an entry is of this kind.
	States(e bundle.SettingEntry) bool
	// Files returns the files of a bundle that state the entries, all of which are of
	// this kind. A file without text is left out.
	Files(stated []bundle.SettingEntry) []bundle.File
}

// kinds are all there are, in the order of their files.
var kinds = []Kind{sysctls{}, moduleOptions{}, nics{}}

// Register adds a kind, and returns what takes it away again. It is for tests.
func Register(k Kind) (remove func()) {
	before := kinds
	kinds = append([]Kind{k}, kinds...)
	return func() { kinds = before }
}

// Files returns the files of all kinds.
func Files(stated []bundle.SettingEntry) []bundle.File {
	var files []bundle.File
	for _, k := range kinds {
		var own []bundle.SettingEntry
		for _, e := range stated {
			if k.States(e) {
				own = append(own, e)
			}
		}
		if own != nil {
			files = append(files, k.Files(own)...)
		}
	}
	return files
}
