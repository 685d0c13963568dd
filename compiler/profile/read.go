package profile

import (
	"cmp"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// Read reads the profile of that name and all that it uses. The profile is nil
// if the diagnostics hold an error. They are in source order: the profile's
// first, then those of what it includes, in the order of inclusion, then those
// of lists. What a later layer replaces is not looked at.
func Read(name string, files Files) (*Profile, diag.List) {
	var found diag.List
	l := loader{files: files, list: &found, origins: origins{map[string]diag.Position{}, map[string]diag.Position{}},
		admins: admins{map[string]bool{}, map[string]diag.Position{}}}
	tree := l.load(name)
	d := decoder{files: files, list: &found, off: l.admins.removed}
	if tree != nil {
		d.decode(tree)
		d.profile.LostAdmin = l.admins.lost(tree, d.profile.Services)
	}
	found = inOrder(l.origins.own(found), l.order).Cut()
	d.profile.origins = l.origins
	if found.HasErrors() {
		return nil, found
	}
	return &d.profile, found
}

// inOrder sorts diagnostics by file, in the order in which files were reached,
// and by place. List.Sort would put the file with the first report first.
func inOrder(found diag.List, order []string) diag.List {
	rank := map[string]int{}
	for i, name := range order {
		rank[name] = i - len(order)
	}
	for i, d := range found {
		if _, known := rank[d.File]; !known {
			rank[d.File] = i
		}
	}
	slices.SortStableFunc(found, func(a, b diag.Diagnostic) int {
		return cmp.Or(cmp.Compare(rank[a.File], rank[b.File]), a.Position.Compare(b.Position))
	})
	return found
}
