package setting

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// linkFolders are where udev looks for link files. Of files of one name the
// first folder's counts (systemd.link(5)).
var linkFolders = []string{"/etc/systemd/network", "/run/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network"}

// linkNotes says which network interfaces of a profile have a link file of
// others that udev would take instead of ours. It reads the host.
func linkNotes(entries []bundle.SettingEntry) []string {
	var nics []string
	for _, e := range entries {
		if !slices.Contains(nics, e.NIC) {
			nics = append(nics, e.NIC)
		}
	}
	files := linkFiles(linkFolders)
	var notes []string
	for _, nic := range nics {
		address, _ := os.ReadFile("/sys/class/net/" + nic + "/address")
		if taken := shadow(files, nic, strings.TrimSpace(string(address))); taken != "" {
			notes = append(notes, fmt.Sprintf("%s matches %s too and comes first: udev uses only one file, so the profile's settings of %s are lost at the next boot; add them to that file, or remove it",
				taken, nic, nic))
		}
	}
	return notes
}

// linkFiles returns the paths of the link files that count, in udev's order: by
// name, whatever the folder.
func linkFiles(folders []string) []string {
	byName := map[string]string{}
	for _, folder := range folders {
		found, _ := filepath.Glob(folder + "/*.link")
		for _, file := range found {
			if name := path.Base(file); byName[name] == "" {
				byName[name] = file
			}
		}
	}
	var files []string
	for _, file := range byName {
		files = append(files, file)
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(path.Base(a), path.Base(b)) })
	return files
}

// shadow returns the first file before ours that matches an interface; "" where
// none does.
func shadow(files []string, nic, address string) string {
	ours := path.Base(bundle.LinkTarget(nic))
	for _, file := range files {
		if path.Base(file) >= ours {
			return ""
		}
		if text, err := safepath.ReadAny(file); err == nil && linkMatches(string(text), nic, address) {
			return file
		}
	}
	return ""
}

// linkMatches reports whether a link file matches an interface for certain: by
// its name or its address, and by nothing else. What udev alone knows, such as a
// driver or a path, is taken for no match.
func linkMatches(text, nic, address string) bool {
	section, conditions := "", 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
		}
		key, value, found := strings.Cut(line, "=")
		if section != "[Match]" || !found || strings.ContainsAny(line[:1], "#;") {
			continue
		}
		conditions++
		if !linkCondition(strings.TrimSpace(key), strings.Fields(value), nic, address) {
			return false
		}
	}
	return conditions > 0
}

func linkCondition(key string, values []string, nic, address string) bool {
	switch key {
	case "OriginalName":
		return slices.ContainsFunc(values, func(pattern string) bool {
			matches, _ := path.Match(pattern, nic)
			return matches
		})
	case "MACAddress", "PermanentMACAddress":
		return slices.ContainsFunc(values, func(value string) bool { return strings.EqualFold(value, address) })
	}
	return false
}
