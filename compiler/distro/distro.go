// Package distro is the table of distributions: which of the matches, targets
// and set types that rules ask for the kernel of each has, where that is known
// from, and which package brings what is missing.
//
// The table is table.toml, for people too. The package is pure: it reads no
// host.
package distro

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

//go:embed table.toml
var text string

// Distribution is one row of the table.
type Distribution struct {
	Name string
	// IDs and Versions are ID and VERSION_ID of /etc/os-release.
	IDs, Versions []string
	// Release is a part of the kernel's release; for a kernel that is no
	// distribution's, beside IDs of none.
	Release string
	// Supported says that every built-in profile shall load here, and that a
	// profile which does not is worth a warning.
	Supported bool
	// Kernel and Tools say where the row is known from, and Unverified what is
	// not known.
	Kernel, Tools, Unverified string
	// Modules and Libraries are the packages that bring a kernel module and a
	// library of iptables; Install is the command before a package's name. Empty
	// where no package does.
	Modules, Libraries, Install string
	// Packages are the names here of packages that are not called as on Debian.
	Packages   map[string]string
	Has, Lacks Names
}

// Command returns the command that installs a package by its name on Debian, and
// its name here.
func (d Distribution) Command(debian string) (command, name string) {
	name = cmp.Or(d.Packages[debian], debian)
	return d.Install + " " + name, name
}

// Names are names of extensions by their kind.
type Names struct{ Match, Target, Set []string }

func (n Names) of(kind ruleset.ExtensionKind) []string {
	switch kind {
	case ruleset.MatchExtension:
		return n.Match
	case ruleset.TargetExtension:
		return n.Target
	}
	return n.Set
}

// Lack reports whether it is known that the kernel does not have the extension.
func (d Distribution) Lack(e ruleset.Extension) bool {
	return slices.Contains(d.Lacks.of(e.Kind), e.Name)
}

// Detail is what the table says of an extension by itself.
type Detail struct {
	// Option is that of the kernel's configuration, Module what it makes.
	Option, Module string
	// Without says how a part of a profile does without the extension, by the
	// first word of the part's name.
	Without map[string]string
}

// WithoutIn says how the part of a profile does without; "" where it cannot.
func (d Detail) WithoutIn(part string) string {
	section, _, _ := strings.Cut(part, ".")
	setting := d.Without[section]
	if setting == "" {
		return ""
	}
	if section != "services" {
		part = section // the rest is a key
	}
	return setting + " in [" + part + "]"
}

type table struct {
	Match, Target, Set map[string]Detail
	Distribution       []Distribution
}

var read = sync.OnceValue(func() (t table) {
	meta, err := toml.Decode(text, &t)
	if err != nil || len(meta.Undecoded()) > 0 {
		panic(fmt.Sprintf("distro: the table is part of the program, and yet: %v, unknown %v", err, meta.Undecoded()))
	}
	return t
})

// All returns the rows of the table, in its order.
func All() []Distribution { return read().Distribution }

// Lookup returns what the table says of an extension, and whether it knows it.
func Lookup(e ruleset.Extension) (d Detail, known bool) {
	t := read()
	switch e.Kind {
	case ruleset.MatchExtension:
		d, known = t.Match[e.Name]
	case ruleset.TargetExtension:
		d, known = t.Target[e.Name]
	case ruleset.SetExtension:
		d, known = t.Set[e.Name]
	}
	return d, known
}

// Title names an extension and the tool that knows it, such as "match hashlimit
// of iptables".
func Title(e ruleset.Extension) string {
	if e.Kind == ruleset.SetExtension {
		return e.String() + " of ipset"
	}
	return e.String() + " of iptables"
}

// Extensions returns all that the table knows, in the order of kinds and names.
func Extensions() []ruleset.Extension {
	t := read()
	var all []ruleset.Extension
	for _, kind := range []struct {
		kind    ruleset.ExtensionKind
		details map[string]Detail
	}{{ruleset.MatchExtension, t.Match}, {ruleset.TargetExtension, t.Target}, {ruleset.SetExtension, t.Set}} {
		for name := range kind.details {
			all = append(all, ruleset.Extension{Kind: kind.kind, Name: name})
		}
	}
	slices.SortFunc(all, func(a, b ruleset.Extension) int { return strings.Compare(a.String(), b.String()) })
	return all
}
