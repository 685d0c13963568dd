package profile

import (
	"cmp"
	"fmt"
	"slices"

	"hardenctl/compiler/diag"
)

// maxDiagnostics is the most diagnostics that Read returns, besides one that
// counts the rest. A file that is no profile at all has thousands.
const maxDiagnostics = 100

// Read reads the profile of that name and all that it uses. The profile is nil
// if the diagnostics hold an error. They stand in source order: the profile's
// first, then those of what it includes, in the order of inclusion, then those
// of lists. What a later layer replaces is not looked at.
func Read(name string, files Files) (*Profile, diag.List) {
	var found diag.List
	l := loader{files: files, list: &found}
	tree := l.load(name)
	d := decoder{files: files, list: &found}
	if tree != nil {
		d.decode(tree)
	}
	found = cutOff(inOrder(found, l.order))
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

// cutOff cuts a list after maxDiagnostics, and says how many there were more.
func cutOff(found diag.List) diag.List {
	if len(found) <= maxDiagnostics {
		return found
	}
	rest := found[maxDiagnostics:]
	more := diag.Diagnostic{
		Code: "more", Severity: diag.Warning, Position: rest[0].Position,
		Message: fmt.Sprintf("%d more diagnostics, the first of them here", len(rest)),
	}
	if rest.HasErrors() {
		more.Severity = diag.Error
	}
	return append(found[:maxDiagnostics:maxDiagnostics], more)
}
