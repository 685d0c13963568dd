package profile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

// A layer can change what the layers below it state, and not only replace it:
//
//	[services.ssh]
//	from.add = ["@office"]         a list gets more elements
//	ports.remove = ["tcp/2222"]    or loses some
//	remove = ["knock"]             a table loses keys
//	enabled = false                a table is as if no layer stated it
//
// What is added or removed waits until a layer below states the list or the table,
// so that a file which several profiles share may come in any place of an include.
const (
	addKey     = "add"
	removeKey  = "remove"
	enabledKey = "enabled"
)

// isEdit reports whether a node says what to add to a list, or to remove from it.
func isEdit(n *node) bool {
	if n.kind != kindTable || len(n.children) == 0 {
		return false
	}
	return !slices.ContainsFunc(n.children, func(c *node) bool {
		return c.name != addKey && c.name != removeKey || c.kind == kindTable || c.kind == kindTables
	})
}

// isRemoval reports whether an entry of a table names keys of it to remove; a
// table of that name is one like any other.
func isRemoval(n *node) bool {
	return n.name == removeKey && n.kind != kindTable && n.kind != kindTables
}

// notEdits reports what is in the place of a list and neither adds to it nor
// removes from it, such as `ports.ad = [...]`.
func notEdits(n *node, list *diag.List) {
	words := []string{addKey, removeKey}
	for _, c := range n.children {
		if c.kind == kindTable || c.kind == kindTables || !slices.Contains(words, c.name) {
			list.Add((&flaw{
				Code: "unknown-key", Message: "unknown " + c.noun(),
				Note: fmt.Sprintf("%s is a list: state it whole, %s = [...], or change it by %[2]s.add and %[2]s.remove", n.path, n.name), Suggestion: didYouMean(c.name, words),
			}).at(c.key, c.path))
		}
	}
}

// appendEdit lets what upper says about a list follow what lower says.
func appendEdit(lower, upper *node) {
	for _, c := range upper.children {
		lower.add(c)
	}
	lower.key, lower.value = upper.key, upper.value
}

// edit changes a list as an edit says, in the order in which it is written.
func (l *loader) edit(list, edit *node) {
	list.children = slices.Clone(list.children)
	for _, step := range edit.children {
		elements := texts(step, "a list", l.list)
		if step.name == addKey {
			list.children = append(list.children, elements...)
			continue
		}
		l.removeElements(list, elements, edit.partial)
	}
	list.edited = true
	list.key, list.value = edit.key, edit.value
}

// removeElements takes elements out of a list, in whatever form they are there.
// One that is not there may be in a file that could not be read, if partial.
func (l *loader) removeElements(list *node, elements []*node, partial bool) {
	found := map[string]bool{}
	for _, element := range elements {
		found[canonical(list.name, element)] = false
	}
	var there []string
	list.children = slices.DeleteFunc(list.children, func(n *node) bool {
		if n.kind != kindString {
			return false
		}
		there = append(there, n.scalar.(string))
		form := canonical(list.name, n)
		_, removed := found[form]
		if removed {
			found[form] = true
		}
		return removed
	})
	if partial {
		return
	}
	for _, element := range elements {
		if text := element.scalar.(string); !found[canonical(list.name, element)] && !l.isFull() {
			l.list.Add((&flaw{
				Code: "nothing-to-remove", Message: quote(text) + " is not in the inherited list",
				Note: known("it holds", there), Suggestion: didYouMean(text, there),
			}).at(element.value, element.path))
		}
	}
}

// isFull reports whether more has been found than is shown.
func (l *loader) isFull() bool { return len(*l.list) > diag.Most }

// canonical is one form of the texts that mean the same: a file by two names, an
// address with its length, a range of one port.
func canonical(list string, n *node) string {
	text := n.scalar.(string)
	if list == "files" {
		if name, flaw := resolve(n.value.File, text); flaw == nil {
			return name
		}
	}
	if port, wrong := readPort(text); wrong == "" {
		return port.String()
	}
	if prefixes, err := netset.Parse(text); err == nil {
		return fmt.Sprint(prefixes)
	}
	return text
}

// removeKeys takes out of a table what a layer above says. What is not there yet
// waits for a layer that states it; decoding reports what has waited in vain.
func (l *loader) removeKeys(lower, removal *node) {
	waits := *removal
	waits.children = nil
	if before := lower.remove(removeKey); before != nil {
		waits.children = slices.Clone(before.children)
	}
	gone := map[string]bool{}
	for _, element := range texts(removal, `a list of keys such as ["knock"]`, l.list) {
		key := element.scalar.(string)
		if lower.child(key) == nil {
			waits.children = append(waits.children, element)
			continue
		}
		gone[key] = true
		l.admins.removed[join(lower.path, key)] = element.value
	}
	lower.removeAll(gone)
	if len(waits.children) > 0 {
		lower.add(&waits)
	}
}

// start makes a list of an edit that found none: what is added to nothing is the
// list, and from nothing nothing can be removed.
func start(n *node, list *diag.List) {
	var elements []*node
	for _, step := range n.children {
		for _, element := range texts(step, "a list", list) {
			if step.name == addKey {
				elements = append(elements, element)
				continue
			}
			if n.partial {
				continue
			}
			list.Add(diag.Diagnostic{
				Code: "nothing-to-remove", Position: element.value, Subject: element.path,
				Message: "there is nothing to remove from: no included profile states this list",
			})
		}
	}
	n.kind, n.children, n.byName = kindArray, elements, nil
}

// mustInherit refuses an edit of a list that no layer states, where no list means
// every source or everything: to add to it would restrict it.
func (d *decoder) mustInherit(n *node, means string) bool {
	if !isEdit(n) || n.partial {
		return true
	}
	d.add(&flaw{
		Code:       "nothing-to-edit",
		Message:    "no included profile states this list, which means " + means,
		Suggestion: fmt.Sprintf("state the whole list: %s = [...]", n.name),
	}, n.key, n.path)
	return false
}

// unremoved reports the keys that a removal did not find in a table.
func (d *decoder) unremoved(removal, table *node) {
	for _, element := range texts(removal, `a list of keys such as ["knock"]`, d.list) {
		if len(*d.list) > diag.Most || table.partial {
			return
		}
		key := element.scalar.(string)
		f := &flaw{
			Code:       "nothing-to-remove",
			Message:    fmt.Sprintf("there is no %s to remove: no included profile states it", quote(key)),
			Suggestion: didYouMean(key, names(table)),
		}
		if strings.Contains(key, ".") {
			f.Suggestion = "name keys of the table that remove is in; enabled = false in a table disables that table"
		}
		d.add(f, element.value, element.path)
	}
}

// isOff reports whether `enabled = false` makes a table as if no layer stated it.
func isOff(n *node) bool {
	enabled := n.child(enabledKey)
	return enabled != nil && enabled.scalar == false
}

// isOn reports whether a table counts. One that is switched off must be there.
func (d *decoder) isOn(n *node, siblings []string) bool {
	if n.kind != kindTable || !isOff(n) {
		return true
	}
	if len(n.children) == 1 && !n.partial {
		others := slices.DeleteFunc(slices.Clone(siblings), func(name string) bool { return name == n.name })
		d.add(&flaw{
			Code:       "nothing-to-switch-off",
			Message:    "there is nothing to switch off: no included profile states this table",
			Suggestion: didYouMean(n.name, others),
		}, n.key, n.path)
	}
	return false
}

// optional reads a table that `enabled = false` switches off.
func (d *decoder) optional(n *node, keys fields) {
	enabled := true
	keys[enabledKey] = d.boolean(&enabled)
	d.table(n, keys)
}

// switched returns the reader of a table, which does nothing where it is off.
func (d *decoder) switched(read func(*node)) reader {
	return tableOf(func(n *node) {
		if d.isOn(n, nil) {
			read(n)
		}
	})
}

// names are the keys of a table.
func names(n *node) []string {
	var all []string
	for _, c := range n.children {
		all = append(all, c.name)
	}
	return all
}

// meant says which other table of the same kind was meant by one that is not
// complete, since its name is nearly that of one which is; otherwise what to add.
func (d *decoder) meant(n *node, needed, otherwise string) string {
	kind, _, _ := strings.Cut(n.path, ".")
	var others []string
	for _, c := range d.root.child(kind).children {
		if c != n && c.kind == kindTable && (needed == "" || c.child(needed) != nil) {
			others = append(others, c.name)
		}
	}
	if near, ok := nearest(n.name, others); ok && len(*d.list) <= diag.Most {
		return fmt.Sprintf("did you mean [%s.%s]?", kind, near)
	}
	return otherwise
}
