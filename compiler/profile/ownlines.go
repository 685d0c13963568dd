package profile

import (
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// origins say where a user's own files state what a message is about. A message
// about a line of a built-in profile does not help a user who cannot change it: it
// names the user's own line first, and the built-in one in a note.
type origins struct {
	stated   map[string]diag.Position // of tables and keys, by dotted path: the topmost layer's
	includes map[string]diag.Position // by the name of a file: the element that brought it in
}

// ofNamed are the tables that hold tables with names of the user's.
var ofNamed = []string{"zones", "sets", "services", "knocks", "nics"}

// note notes what a file states, which lies over all that it includes.
func (p *origins) note(tree *node) {
	if isBuiltin(tree.key.File) {
		return
	}
	for _, c := range tree.children {
		// [services.ssh] says nothing of [services] itself.
		if c.kind != kindTable || c.stated || !slices.Contains(ofNamed, c.path) {
			p.stated[c.path] = c.key
		}
		if c.kind == kindTable {
			p.note(c)
		}
	}
}

// Own returns the list with the user's own places first: a diagnostic about a line
// of a built-in profile is moved to the nearest part that a file of the user's
// states, or else to the include by which the line came.
func (p *Profile) Own(list diag.List) diag.List { return p.origins.own(list) }

func (p *origins) own(list diag.List) diag.List {
	var moved diag.List
	for _, d := range list {
		if at, ok := p.nearest(d); ok {
			inherited := "inherited from " + d.Position.String()
			if d.Note != "" {
				inherited += "; " + d.Note
			}
			d.Position, d.Note = at, inherited
		}
		moved = append(moved, d)
	}
	return moved
}

// nearest returns the user's own place for a diagnostic that is about none.
func (p *origins) nearest(d diag.Diagnostic) (at diag.Position, ok bool) {
	if !isBuiltin(d.File) {
		return at, false
	}
	for path := d.Subject; path != ""; {
		if at, ok = p.stated[path]; ok {
			return at, true
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
	for at = d.Position; isBuiltin(at.File); {
		if at, ok = p.includes[at.File]; !ok {
			return at, false
		}
	}
	return at, true
}
