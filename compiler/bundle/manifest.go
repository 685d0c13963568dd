package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// The modes of files. What the kernel tells every user anyway, and what programs
// read that are not root, is open; all else may tell who is trusted and how one
// knocks, and is for root alone.
const (
	open   = "0644"
	closed = "0640"
)

// known is every file that a bundle may have but for those of network
// interfaces (link.go), in the order in which bundles list them, and where each
// layout keeps it.
var known = []place{
	{RulesV4, map[Layout]string{Debian: "/etc/iptables/rules.v4", RHEL: "/etc/sysconfig/iptables"}, closed},
	{RulesV6, map[Layout]string{Debian: "/etc/iptables/rules.v6", RHEL: "/etc/sysconfig/ip6tables"}, closed},
	{Sets, map[Layout]string{Debian: "/etc/iptables/ipsets", RHEL: "/etc/sysconfig/ipset"}, closed},
	{ClosedV4, everywhere("/etc/hardenctl/closed.v4"), closed},
	{ClosedV6, everywhere("/etc/hardenctl/closed.v6"), closed},
	{KeptSets, everywhere("/etc/hardenctl/kept-sets"), closed},
	{Sysctl, everywhere("/etc/sysctl.d/60-hardenctl.conf"), open},
	{ModProbe, everywhere("/etc/modprobe.d/hardenctl.conf"), open},
	{ModulesLoad, everywhere("/etc/modules-load.d/hardenctl.conf"), open},
	{Fail2banFilter, everywhere("/etc/fail2ban/filter.d/hardenctl.conf"), closed},
	{Fail2banJail, everywhere("/etc/fail2ban/jail.d/hardenctl.conf"), closed},
	{Fail2banAction, everywhere("/etc/fail2ban/action.d/hardenctl.conf"), closed},
}

// ModeAt returns the widest mode that a file of a bundle may have at a path.
func ModeAt(path string) fs.FileMode {
	_, link := LinkAt(path)
	for _, k := range known {
		link = link || k.mode == open && (k.targets[Debian] == path || k.targets[RHEL] == path)
	}
	if link {
		return 0o644
	}
	return 0o640
}

func everywhere(path string) map[Layout]string {
	return map[Layout]string{Debian: path, RHEL: path}
}

// Seal makes a bundle of files and of what m says about them. It puts the files
// into the order of bundles, whatever order they come in, and fills in the
// manifest's Format and Files. It panics on a file that bundles do not have or
// that comes twice: no profile can cause that.
func Seal(files []File, m Manifest) *Bundle {
	byName := map[string]File{}
	for _, f := range files {
		byName[f.Name] = f
	}
	b := &Bundle{Manifest: m}
	b.Manifest.Format = Format
	b.Manifest.Files = nil
	for _, k := range places(slices.Collect(maps.Keys(byName))...) {
		if f, ok := byName[k.name]; ok {
			b.Files = append(b.Files, f)
			b.Manifest.Files = append(b.Manifest.Files, entry(f, k))
		}
	}
	if len(b.Files) != len(files) {
		panic(fmt.Sprintf("bundle: of %d files only %d have names of their own that bundles know", len(files), len(b.Files)))
	}
	return b
}

func entry(f File, k place) FileEntry {
	return FileEntry{Name: f.Name, Targets: maps.Clone(k.targets), Mode: k.mode, SHA256: checksum(f.Text)}
}

func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// ManifestText returns the manifest as the text of its file: indented JSON that
// ends in a newline. Parts that the bundle has none of are empty arrays.
func (b *Bundle) ManifestText() []byte {
	m := b.Manifest
	m.Files = notNull(m.Files)
	m.Policies = notNull(m.Policies)
	m.Sets = notNull(m.Sets)
	m.Settings = notNull(m.Settings)
	m.Access.Admin = notNull(m.Access.Admin)
	m.Access.Services = notNull(m.Access.Services)
	m.Rules = notNull(m.Rules)
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(m); err != nil {
		panic(fmt.Sprintf("bundle: the manifest is plain data, and yet: %v", err))
	}
	return text.Bytes()
}

// notNull makes a nil list one that JSON writes as [].
func notNull[E any](list []E) []E {
	if list == nil {
		return []E{}
	}
	return list
}
