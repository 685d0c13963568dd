package profile

import (
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// Key is one key that a profile may state, as the decoder knows it.
type Key struct {
	// Path is dotted, with NAME for a name of the user's: "services.NAME.ports".
	Path string
	// Form says what the value must be: "a duration from 1s to 1d".
	Form string
	// Table says that the value is a table of other keys.
	Table bool
	// Default is the value, as a profile would state it, where the table is stated and
	// the key is not; "" for none.
	Default string
}

// Keys returns all keys of a profile: each table, followed by its keys, sorted by name.
func Keys() []Key {
	var found []Key
	d := decoder{list: new(diag.List), keys: &found}
	d.decode(everyTable())
	return found
}

// collect notes the keys of a table.
func (d *decoder) collect(n *node, known fields) {
	if d.keys == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		r := known[name]
		key := Key{Path: join(n.path, name), Form: r.form, Table: r.form == tableForm}
		if r.unstated != nil {
			key.Default = r.unstated()
		}
		*d.keys = append(*d.keys, key)
	}
}

// everyTable is the tree of a profile that states every table, and no key.
func everyTable() *node {
	root := newTable("", "", diag.Position{})
	for _, name := range []string{
		"policy", "zones", "sets", "access", "services", "knocks", "scan", "icmp", "udp", "log", "fail2ban", "kernel", "nics",
	} {
		table := newTable(name, name, diag.Position{})
		switch {
		case slices.Contains(ofNamed, name):
			table.add(newTable("name", join(name, "NAME"), diag.Position{}))
		case name == "scan":
			table.add(newTable("slow", "scan.slow", diag.Position{}))
		}
		root.add(table)
	}
	return root
}
