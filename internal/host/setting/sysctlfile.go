package setting

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// sysctlFolders are where settings are read from at boot (sysctl.d(5)): a file
// in an earlier folder stands for all of its name, and files are read in the
// order of their names, whatever their folder.
var sysctlFolders = []string{"etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d"}

// lastSysctl is read after all others, by procps; systemd reads it by a link
// called 99-sysctl.conf, where a distribution makes one.
const lastSysctl = "etc/sysctl.conf"

// Notes says which settings of a bundle another file states otherwise and later, so
// that they will not last over a boot.
func (sysctls) Notes(layout bundle.Layout, settings []bundle.SettingEntry) []string {
	return sysctlNotes("/", filepath.Base(bundle.Paths(layout)[bundle.Sysctl]), settings)
}

// sysctlNotes is Notes below a root, for a file of ours of that name.
func sysctlNotes(root, ours string, settings []bundle.SettingEntry) []string {
	var notes []string
	for _, file := range laterFiles(root, ours) {
		text, err := safepath.ReadAny(filepath.Join(root, file))
		if err != nil {
			continue // a link to nothing, or gone since
		}
		for _, other := range readSysctl(string(text)) {
			for _, s := range settings {
				if overlap(split(s.Key), other.key) && state.Fold(s.Value) != state.Fold(other.value) {
					notes = append(notes, fmt.Sprintf("/%s sets %s = %s and is read later at boot, so the profile's %s (%s) is lost; remove the line there",
						file, strings.Join(other.key, "."), other.value, s.Key, s.Value))
				}
			}
		}
	}
	return slices.Compact(notes)
}

// InSysctlFile returns what a file of sysctls states, as a bundle would.
func InSysctlFile(text []byte) []bundle.SettingEntry {
	var entries []bundle.SettingEntry
	for _, s := range readSysctl(string(text)) {
		entries = append(entries, bundle.SettingEntry{Key: strings.Join(s.key, "."), Value: s.value})
	}
	return entries
}

// laterFiles returns the files that are read after ours, in that order.
func laterFiles(root, ours string) []string {
	byName := map[string]string{}
	for _, folder := range slices.Backward(sysctlFolders) {
		found, _ := filepath.Glob(filepath.Join(root, folder, "*.conf")) // the pattern is good
		for _, f := range found {
			if name := filepath.Base(f); name > ours {
				byName[name] = filepath.Join(folder, name)
			}
		}
	}
	var files []string
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		target, err := filepath.EvalSymlinks(filepath.Join(root, byName[name]))
		if err == nil && target != filepath.Join(root, lastSysctl) {
			files = append(files, byName[name])
		}
	}
	return append(files, lastSysctl)
}

// stated is one line of a file of settings.
type stated struct {
	key   []string // in components; one may be a pattern
	value string
}

// readSysctl reads "key = value" lines; a leading "-" only says that an error
// does not matter.
func readSysctl(text string) []stated {
	var all []stated
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, found := strings.Cut(line, "=")
		if !found || line[0] == '#' || line[0] == ';' {
			continue
		}
		all = append(all, stated{split(strings.TrimSpace(strings.TrimPrefix(key, "-"))), strings.TrimSpace(value)})
	}
	return all
}

// split takes a key apart. If its first separator is a slash, dots are dots, as
// in the name of a VLAN's interface.
func split(key string) []string {
	if slash, dot := strings.IndexByte(key, '/'), strings.IndexByte(key, '.'); slash >= 0 && (dot < 0 || slash < dot) {
		return strings.Split(key, "/")
	}
	return strings.Split(key, ".")
}

// overlap reports whether two keys, each of which may hold patterns, can mean
// the same setting.
func overlap(a, b []string) bool {
	return slices.EqualFunc(a, b, func(x, y string) bool {
		xy, _ := path.Match(x, y)
		yx, _ := path.Match(y, x)
		return xy || yx
	})
}
