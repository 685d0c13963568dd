// Package bootfiles decides what the files of a host must hold.
//
// Some files are wholly ours. The rules files and the ipset file are shared: an
// administrator may keep rules there, and so may other tools. Merging takes
// out of the file what is ours from before, puts in what the bundle has, and
// keeps every other line byte for byte.
package bootfiles

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/durable"
)

// DetectLayout returns the layout of the distribution that runs here.
func DetectLayout() bundle.Layout {
	if _, err := os.Stat("/etc/debian_version"); err == nil {
		return bundle.Debian
	}
	if _, err := os.Stat("/etc/redhat-release"); err == nil {
		return bundle.RHEL
	}
	return bundle.Debian
}

// Wanted returns the content that each path must have, given what it has now;
// have has the paths of Paths.
// A nil text means that the file must not exist.
func Wanted(b *bundle.Bundle, layout bundle.Layout, have map[string][]byte) (map[string][]byte, error) {
	if b.Manifest.Before {
		return wantedBefore(b, layout, have)
	}
	want := map[string][]byte{}
	for name, path := range bundle.Paths(layout) {
		text, err := content(name, have[path], b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w; fix it, or %s", path, err, MoveAway(path))
		}
		want[path] = text
	}
	for path := range have {
		if name, ok := bundle.LinkAt(path); ok {
			want[path] = b.File(name)
		}
	}
	maps.Copy(want, unitFiles())
	return want, nil
}

// Paths returns where the files of a bundle are kept here, also those that this
// bundle leaves out and an earlier one may have left, and those of the unit that
// restores them at boot.
func Paths(b *bundle.Bundle, layout bundle.Layout) map[string]string {
	var links []string
	for _, f := range b.Files {
		if _, before := bundle.BeforePath(f.Name); !before {
			links = append(links, f.Name)
		}
	}
	found, _ := filepath.Glob(bundle.LinkPattern) // the pattern is good
	for _, path := range found {
		if name, ok := bundle.LinkAt(path); ok {
			links = append(links, name)
		}
	}
	paths := bundle.Paths(layout, links...)
	for path := range unitFiles() {
		paths[path] = path
	}
	if b.Manifest.Before { // the unit goes, also while it runs this
		paths[unitPath], paths[enablePath] = unitPath, enablePath
	}
	return paths
}

func content(name string, have []byte, b *bundle.Bundle) ([]byte, error) {
	switch name {
	case bundle.RulesV4:
		return MergeRules(have, b.File(name), b.Manifest, 4)
	case bundle.RulesV6:
		return MergeRules(have, b.File(name), b.Manifest, 6)
	case bundle.Sets:
		return MergeSets(have, b.File(name)), nil
	}
	return b.File(name), nil
}

// MoveAway says how to do without a file that does not load: an apply writes it
// anew.
func MoveAway(path string) string {
	return "move the file away, with all unmanaged rules in it, and apply again: mv " + path + " " + path + ".broken"
}

// Read returns the text of each path as durable.Read does.
func Read(paths map[string]string) (map[string][]byte, error) {
	texts := map[string][]byte{}
	for _, path := range paths {
		text, err := durable.Read(path)
		if err != nil {
			return nil, err
		}
		texts[path] = text
	}
	return texts, nil
}
