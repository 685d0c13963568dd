package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// The bounds of includes.
const (
	maxIncludeDepth = 16
	maxFiles        = 64
)

// version is the only version of the language.
const version = 1

// loader follows includes and lays the trees over one another.
type loader struct {
	files Files
	list  *diag.List
	order []string // names in the order in which they were reached
	// origins are those of the files read so far.
	origins origins
	open    []string // the files that include one another down to here
	admins  admins
}

// load reads the root profile and all that it includes. The tree holds, of each
// key, what was stated last: a file comes after what it includes, and a file
// that is included twice counts where it is first reached, so that what is
// common to two layers does not undo the first of them.
func (l *loader) load(name string) *node {
	root := l.read(name, diag.Position{File: name}, "")
	if root == nil {
		return nil
	}
	if root.child("version") == nil && !root.partial {
		l.list.Add(diag.Diagnostic{
			Code: "no-version", Position: root.key, Subject: "version",
			Message: "is not stated", Suggestion: fmt.Sprintf("begin the profile with version = %d", version),
		})
	}
	return l.layer(name, root)
}

// read reads and parses one file. What stops it is reported at the place that
// names the file.
func (l *loader) read(name string, at diag.Position, subject string) *node {
	l.order = append(l.order, name)
	text, err := l.files.Profile(name)
	if err != nil {
		f := unreadable("profile", name, MaxProfile, err)
		if errors.Is(err, fs.ErrNotExist) {
			builtIn, _ := l.files.BuiltIn()
			f.Suggestion, f.Note = meantBuiltIn(name, builtIn)
		}
		l.list.Add(f.at(at, subject))
		return nil
	}
	if f := notProfile(name, text); f != nil {
		if subject == "" { // nothing names this file but the command line
			at.Line, at.Column = 1, 1
		}
		l.list.Add(f.at(at, subject))
		return nil
	}
	return parse(name, text, l.list)
}

// layer lays a file's tree over what it includes.
func (l *loader) layer(name string, tree *node) *node {
	l.open = append(l.open, name)
	defer func() { l.open = l.open[:len(l.open)-1] }()
	checkVersion(tree.remove("version"), l.list)
	include := tree.remove("include")
	if include == nil {
		if tree.partial { // the statement that is broken may be the include
			tree.setPartial()
		}
		l.origins.note(tree)
		l.admins.note(tree)
		return tree
	}
	below := newTable("", "", tree.key)
	before := len(*l.list)
	for _, element := range texts(include, "a list of profiles", l.list) {
		if layer := l.include(name, element); layer != nil {
			l.merge(below, layer)
		}
	}
	if (*l.list)[before:].HasErrors() {
		tree.setPartial()
	}
	l.origins.note(tree)
	l.admins.note(tree)
	l.merge(below, tree)
	return below
}

// include reads the file that an element of include names, or nothing if it
// was read already.
func (l *loader) include(from string, element *node) *node {
	name, flaw := resolve(from, element.scalar.(string))
	switch {
	case flaw != nil:
	case slices.Contains(l.open, name):
		flaw = l.cycle(name)
	case slices.Contains(l.order, name):
		return nil
	case len(l.open) >= maxIncludeDepth:
		flaw = &flawTooDeep
	case len(l.order) >= maxFiles:
		flaw = &flawTooMany
	default:
		l.origins.includes[name] = element.value
		if tree := l.read(name, element.value, element.path); tree != nil {
			return l.layer(name, tree)
		}
		return nil
	}
	l.list.Add(flaw.at(element.value, element.path))
	return nil
}

var (
	flawTooDeep = flaw{
		Code:    "too-deep",
		Message: fmt.Sprintf("profiles include one another more than %d deep", maxIncludeDepth),
	}
	flawTooMany = flaw{
		Code:    "too-many",
		Message: fmt.Sprintf("the profile includes more than %d files", maxFiles-1),
	}
)

func (l *loader) cycle(name string) *flaw {
	round := l.open[slices.Index(l.open, name):]
	return &flaw{
		Code:       "include-cycle",
		Message:    quote(name) + " includes itself",
		Note:       strings.Join(round, " -> ") + " -> " + name,
		Suggestion: "take this include out",
	}
}

// checkVersion reports a version that is stated and not ours.
func checkVersion(n *node, list *diag.List) {
	if n == nil || n.kind == kindInteger && n.scalar == int64(version) {
		return
	}
	suggestion := fmt.Sprintf("write version = %d", version)
	if stated, ok := n.scalar.(int64); ok && stated > version {
		suggestion = "a profile of a later version needs a later hardenctl"
	}
	list.Add(diag.Diagnostic{
		Code: "bad-version", Position: n.value, Subject: n.path,
		Message: fmt.Sprintf("must be %d, not %s", version, n.describe()), Suggestion: suggestion,
	})
}

// merge lays the table upper over the table lower. Scalars and lists replace
// what is below them or edit it, tables merge by name. A table that both state
// keeps the place of the upper one; keys keep the order lower, upper.
func (l *loader) merge(lower, upper *node) {
	if removal := upper.child(removeKey); removal != nil && isRemoval(removal) {
		l.removeKeys(lower, removal)
	}
	for _, c := range upper.children {
		below := lower.child(c.name)
		switch {
		case isRemoval(c): // done before
		case below == nil:
			lower.add(c)
		case below.kind == kindArray && isEdit(c):
			l.edit(below, c)
		case isEdit(below) && isEdit(c):
			appendEdit(below, c)
		case below.kind == kindTable && c.kind == kindTable:
			l.merge(below, c)
		case below.kind == kindString && isEdit(c):
			l.list.Add((&flaw{
				Code: "not-a-list", Message: fmt.Sprintf("is %s at %s: there is no list to change", quote(below.scalar.(string)), below.value),
				Suggestion: fmt.Sprintf("state it whole: %s = [...]", c.name),
			}).at(c.key, c.path))
		default:
			*below = *c
		}
	}
	lower.key, lower.value = upper.key, upper.value
	lower.partial = lower.partial || upper.partial
}
