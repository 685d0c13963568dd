package profile

import (
	"slices"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// kind is the type of a TOML value.
type kind uint8

const (
	kindScalar kind = iota // not yet looked at
	kindString
	kindInteger
	kindFloat
	kindBool
	kindTime
	kindArray
	kindTable
	kindTables // [[key]]
)

// node is a value in the tree of a file, and later of all files, with the
// places of its key and of itself.
type node struct {
	name     string // last part of the key; empty for an element of an array
	path     string // dotted, for diagnostics; an element has that of its array
	key      diag.Position
	value    diag.Position
	kind     kind
	scalar   any     // string, int64, float64, bool or time.Time
	children []*node // of a table by key, of an array by element; in source order
	byName   map[string]*node

	// stated says that a header or a key names the table itself and not only
	// something in it, inline that it is written in braces. Neither can be
	// stated again.
	stated, inline bool
	// partial says that a statement in the table was broken and reported, so
	// that what seems to be missing may be in there.
	partial bool
	// remark is the table that an entry of a list of addresses was, if it was one.
	remark *node
	// edited says, of a list, that a layer has added to it or removed from it.
	edited bool
}

func newTable(name, path string, at diag.Position) *node {
	return &node{name: name, path: path, key: at, value: at, kind: kindTable}
}

// child returns the entry of a table, or nil.
func (n *node) child(name string) *node { return n.byName[name] }

// add appends c, and indexes it if it has a name.
func (n *node) add(c *node) {
	n.children = append(n.children, c)
	if n.kind != kindTable {
		return
	}
	if n.byName == nil {
		n.byName = map[string]*node{}
	}
	n.byName[c.name] = c
}

// setPartial says of a table, and of all tables in it, that what seems to be
// missing may be in a file or a statement that could not be read.
func (n *node) setPartial() {
	if n.kind != kindTable {
		return
	}
	n.partial = true
	for _, c := range n.children {
		c.setPartial()
	}
}

// remove takes an entry out of a table and returns it, or nil.
func (n *node) remove(name string) *node {
	removed := n.byName[name]
	if removed == nil {
		return nil
	}
	delete(n.byName, name)
	for i, c := range n.children {
		if c == removed {
			n.children = append(n.children[:i:i], n.children[i+1:]...)
			break
		}
	}
	return removed
}

// removeAll takes entries out of a table.
func (n *node) removeAll(names map[string]bool) {
	n.children = slices.DeleteFunc(slices.Clone(n.children), func(c *node) bool { return names[c.name] })
	for name := range names {
		delete(n.byName, name)
	}
}

// join appends a part to a dotted path, quoted where it is not a bare key.
func join(path, name string) string {
	for i := range len(name) {
		if !isBareKey(name[i]) {
			name = quote(name)
			break
		}
	}
	if name == "" {
		name = `""`
	}
	if len(name) > 2*shown {
		name = name[:shown] + "…"
	}
	return strings.TrimPrefix(path+"."+name, ".")
}

// fill gives the nodes the values that the library decoded. It reports whether
// every node found one.
func (n *node) fill(decoded any) bool {
	switch v := decoded.(type) {
	case map[string]any:
		return n.kind == kindTable && n.fillTable(v)
	case []any:
		return n.kind == kindArray && n.fillArray(v)
	case []map[string]any: // what [[tables]] hold stays unread: the language has none
		return n.kind == kindTables || n.kind == kindArray && n.fillArray(anyOf(v))
	}
	n.scalar = decoded
	shape := n.kind
	n.kind = kindOf(decoded)
	return shape == kindScalar && n.kind != kindScalar
}

func (n *node) fillTable(decoded map[string]any) bool {
	for _, c := range n.children {
		if !c.fill(decoded[c.name]) {
			return false
		}
	}
	return len(n.children) == len(decoded)
}

func (n *node) fillArray(decoded []any) bool {
	if len(decoded) != len(n.children) {
		return false
	}
	for i, c := range n.children {
		if !c.fill(decoded[i]) {
			return false
		}
	}
	return true
}

func anyOf(tables []map[string]any) (all []any) {
	for _, t := range tables {
		all = append(all, t)
	}
	return all
}

func kindOf(scalar any) kind {
	switch scalar.(type) {
	case string:
		return kindString
	case int64:
		return kindInteger
	case float64:
		return kindFloat
	case bool:
		return kindBool
	case time.Time:
		return kindTime
	}
	return kindScalar
}
