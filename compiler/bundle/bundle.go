// Package bundle models what a compile emits: a handful of files that can be
// used without hardenctl, and a manifest that says where each belongs and
// which profile line asked for each part.
//
// A bundle is data: equal profiles give equal bytes, with no clock, host name,
// locale, path or version in them.
package bundle

import (
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// The names of the files in a bundle; a name with a slash lies in a folder of
// the bundle's. A file is left out when the profile asks for nothing in it; the
// manifest never is.
const (
	RulesV4      = "rules.v4"
	RulesV6      = "rules.v6"
	Sets         = "ipsets"
	ClosedV4     = "closed.v4"
	ClosedV6     = "closed.v6"
	Sysctl       = "sysctl.conf"
	KeptSets     = "kept-sets"
	ModProbe     = "modprobe.conf"
	ModulesLoad  = "modules-load.conf"
	ManifestName = "manifest.json"

	Fail2banFilter = "fail2ban/filter.conf"
	Fail2banJail   = "fail2ban/jail.conf"
	Fail2banAction = "fail2ban/action.conf"
)

// Header is the first line of a rules file, and of those of fail2ban.
const Header = "# Compiled by hardenctl from a profile; change the profile, not this file."

// Layout names a family of distributions by where they keep firewall files.
type Layout string

// The layouts.
const (
	Debian Layout = "debian"
	RHEL   Layout = "rhel"
)

// Bundle is the files in the order of the manifest, and the manifest itself.
// The manifest's own text is not among Files; All has it with them.
type Bundle struct {
	Files    []File
	Manifest Manifest
}

// File is one file of a bundle.
type File struct {
	Name string
	Text []byte
}

// Manifest says what the bundle is made of.
type Manifest struct {
	// Format counts versions of this structure.
	Format int `json:"format"`
	// Profile is the name of the profile that was compiled.
	Profile  string         `json:"profile"`
	Files    []FileEntry    `json:"files"`
	Policies []PolicyEntry  `json:"policies"`
	Sets     []SetEntry     `json:"sets"`
	Settings []SettingEntry `json:"settings"`
	Access   AccessEntry    `json:"access"`
	Rules    []RuleEntry    `json:"rules"`
	// Lists are the sets of the profile that may lose only so much from one
	// apply to the next.
	Lists []ListEntry `json:"lists,omitempty"`
	// Zones are those of the profile.
	Zones []ZoneEntry `json:"zones,omitempty"`
	// Leading names chains of others, by whole names and by beginnings with "*" behind
	// them: jumps to them may come before those to our own chains.
	Leading []string `json:"leading,omitempty"`
	// Remarks are what the profile says for people of its parts.
	Remarks []RemarkEntry `json:"remarks,omitempty"`
	// Before says that no profile asks for the bundle: it is what a host had
	// before the first apply, and its files are the host's own (before.go).
	Before bool `json:"before,omitempty"`
}

// Format is the version of Manifest that this package writes and reads.
const Format = 1

// FileEntry says where a file of the bundle is installed.
type FileEntry struct {
	Name    string            `json:"name"`
	Targets map[Layout]string `json:"targets"` // absolute paths
	Mode    string            `json:"mode"`    // octal, such as "0644"
	SHA256  string            `json:"sha256"`  // hex, of the text
}

// PolicyEntry names a built-in chain whose policy the profile states.
type PolicyEntry struct {
	Family int    `json:"family"` // 4 or 6
	Table  string `json:"table"`
	Chain  string `json:"chain"`
	Policy string `json:"policy"`
	Origin
}

// SetEntry describes a kernel set of the bundle.
type SetEntry struct {
	Name string `json:"name"`
	// Long is the name in the profile where that of the kernel is too short for it.
	Long string `json:"long,omitempty"`
	// Dynamic sets are filled by packets or fail2ban; their members are not
	// planned.
	Dynamic bool `json:"dynamic,omitempty"`
	// Entries is how many members the bundle gives the set.
	Entries int `json:"entries"`
	Origin
}

// ZoneEntry is a zone of the profile: the names of the interfaces by which its packets come
// in. A "+" at the end means any that begins so.
type ZoneEntry struct {
	Name       string   `json:"name"`
	Interfaces []string `json:"interfaces"`
	// Trusted says that all its packets reach every port; TrustedSets are the sets of the
	// sources whose packets do, where not all are trusted.
	Trusted     bool     `json:"trusted,omitempty"`
	TrustedSets []string `json:"trusted_sets,omitempty"`
	Origin
}

// RemarkEntry is a description of a part of the profile, or of one entry of its addresses, and
// the last day for which it is meant.
type RemarkEntry struct {
	Entry       string `json:"entry,omitempty"`
	Description string `json:"description,omitempty"`
	Expires     string `json:"expires,omitempty"` // such as "2027-01-31"
	Origin
}

// ByInterface reports whether an interface is one of those that names in rules mean.
func ByInterface(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		beginning, many := strings.CutSuffix(n, "+")
		return n == name || many && strings.HasPrefix(name, beginning)
	})
}

// ListEntry describes a set of the profile, whatever kernel sets its addresses
// are in.
type ListEntry struct {
	Name string `json:"name"`
	// Entries is how many entries its addresses and lists state.
	Entries int `json:"entries"`
	// MaximumShrink is in percent, from 1 to 99.
	MaximumShrink int `json:"maximum_shrink"`
	Origin
}

// Queues is the Option of a SettingEntry that says how many combined channels a
// network interface uses.
const Queues = "queues"

// SettingEntry is a kernel setting, an option of a module ("hashsize" of
// "nf_conntrack"), an offload of a network interface ("gro" of "eth0", "on" or
// "off") or its Queues, with the profile line that states it.
type SettingEntry struct {
	// Kind names a kind of setting that the other fields do not tell.
	Kind   string `json:"kind,omitempty"`
	Key    string `json:"key,omitempty"`
	Module string `json:"module,omitempty"`
	NIC    string `json:"nic,omitempty"`
	Option string `json:"option,omitempty"`
	Value  string `json:"value"`
	Origin
}

// Object is what plans call the setting.
func (e SettingEntry) Object() string {
	switch {
	case e.Module != "":
		return e.Module + "." + e.Option
	case e.NIC != "":
		return e.NIC + " " + e.Option
	}
	return e.Key
}

// RuleEntry is the origin of one rule. Rules are numbered from 1 in their
// chain.
type RuleEntry struct {
	Family int    `json:"family"`
	Table  string `json:"table"`
	Chain  string `json:"chain"`
	Number int    `json:"number"`
	Origin
}

// Origin is the part of the profile that asked for something.
type Origin struct {
	Part string `json:"part"`
	File string `json:"file"`
	Line int    `json:"line"`
}

// Position returns the place of the origin.
func (o Origin) Position() diag.Position { return diag.Position{File: o.File, Line: o.Line} }

// Paths returns where a layout keeps each file that a bundle may have, by the
// file's name, also for those that this or that bundle leaves out. Of the files
// of network interfaces it has only those that are named.
func Paths(layout Layout, links ...string) map[string]string {
	paths := map[string]string{}
	for _, k := range places(links...) {
		paths[k.name] = k.targets[layout]
	}
	return paths
}

// File returns the text of the named file, or nil when the bundle has none.
func (b *Bundle) File(name string) []byte {
	for _, f := range b.Files {
		if f.Name == name {
			return f.Text
		}
	}
	return nil
}
