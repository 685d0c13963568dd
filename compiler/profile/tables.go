package profile

import (
	"fmt"
	"slices"
	"strings"
)

// mainKeys are the keys that what is in the place of a named table was most
// likely meant for.
var mainKeys = map[string]string{"zones": "interfaces", "services": "ports", "sets": "addresses", "knocks": "sequence"}

// tableHelp says what to write instead of something that is in the place of a
// table: [services] enabled = false, services.ssh = ["tcp/22"], [[sets.office]].
func tableHelp(n *node) string {
	kind, name, isNamed := strings.Cut(n.path, ".")
	switch {
	case !slices.Contains(ofNamed, kind) && n.kind == kindTables:
		return fmt.Sprintf("write [%s], in one pair of brackets", n.path)
	case !slices.Contains(ofNamed, kind) && n.scalar == false:
		return fmt.Sprintf("write %s.enabled = false", n.path)
	case !slices.Contains(ofNamed, kind):
		return fmt.Sprintf("write [%s], and its keys in the lines below", n.path)
	case n.path == "nics":
		return "write [nics.NAME] with the name of an interface, as ip link shows it, and the keys of that table in the lines below"
	case !isNamed:
		return fmt.Sprintf("write [%s.NAME] with a name of your own, and the keys of that table in the lines below", kind)
	}
	return namedHelp(n, kind, name)
}

// namedHelp is tableHelp for what is in the place of kind.name.
func namedHelp(n *node, kind, name string) string {
	key, isList := mainKeys[kind], n.kind == kindArray || n.kind == kindString
	switch {
	case name == enabledKey && n.scalar == true:
		return "take this line out: each table that is stated counts"
	case name == enabledKey:
		return fmt.Sprintf("name the table to switch off: [%s.NAME], and enabled = false in the line below", kind)
	case name == addKey:
		return fmt.Sprintf("a table needs no add: state it as [%s.NAME]", kind)
	case n.kind == kindTables:
		return fmt.Sprintf("write [%s], in one pair of brackets", n.path)
	case n.scalar == false:
		return fmt.Sprintf("write %s.enabled = false", n.path)
	case isList && key != "":
		return fmt.Sprintf("write [%s], and %s = [...] in the line below", n.path, key)
	}
	return fmt.Sprintf("write [%s], and its keys in the lines below", n.path)
}
