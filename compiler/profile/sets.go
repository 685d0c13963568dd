package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

// The bounds of sets.
const (
	maxEntries   = 1 << 26
	maxSetFiles  = 64
	maxListBytes = 256 << 20 // of all lists of a profile
)

// knowSets notes the names that "@name" may use.
func (d *decoder) knowSets(root *node) {
	d.sets, d.setsPartial = map[string]bool{}, root.partial
	if sets := root.child("sets"); sets != nil {
		d.setsPartial = d.setsPartial || sets.partial
		for _, name := range d.thoseOn(sets) {
			d.sets[name] = true
		}
	}
	d.setNames = slices.Sorted(maps.Keys(d.sets))
}

// thoseOn returns the names of a table's tables, sorted, without those that are
// switched off, which it notes.
func (d *decoder) thoseOn(n *node) []string {
	var on []string
	for _, c := range n.children {
		if isOff(c) {
			d.off[c.path] = c.child(enabledKey).key
			continue
		}
		on = append(on, c.name)
	}
	slices.Sort(on)
	return on
}

// set reads [sets.NAME].
func (d *decoder) set(n *node) {
	before := len(*d.list)
	s := Set{Name: n.name, Position: n.key}
	var least Count
	d.remarkable(n, fields{
		"addresses":      d.addresses(&s.Members, &s.Entries),
		"files":          d.lists(&s.Members, &s.Entries),
		"min_entries":    d.count(&least, 1, maxEntries),
		"maximum_shrink": d.percent(&s.MaximumShrink),
		"zone":           d.zoneName(&s.Zone),
	})
	// What is missing in a set of which a part was refused may be in that part.
	if !n.partial && !(*d.list)[before:].HasErrors() {
		d.checkSet(n, s.Members, s.Entries, least)
	}
	d.profile.Sets = append(d.profile.Sets, s)
}

// checkSet checks a set that was read as a whole.
func (d *decoder) checkSet(n *node, members netset.Set, entries int, least Count) {
	switch {
	case n.child("addresses") == nil && n.child("files") == nil:
		d.add(&flaw{
			Code: "empty-set", Message: "states neither addresses nor files",
			Suggestion: d.meant(n, "", `add addresses = ["192.0.2.0/24"] or files = ["lists/name.txt"]`),
		}, n.key, n.path)
	case members.IsEmpty():
		d.add(&flaw{Code: "empty-set", Message: "holds no address", Note: "an empty set matches no source"}, n.key, n.path)
	case entries < int(least.N):
		d.add(&flaw{
			Code:    "min-entries",
			Message: fmt.Sprintf("the set has %d entries, and min_entries is %d", entries, least.N),
			Note:    "a feed that collapsed must not pass for a smaller set",
		}, least.Position, n.path)
	case members.AllV4():
		d.add(coversAll("the set covers every IPv4 address", anyUse), n.key, n.path)
	case members.AllV6():
		d.add(coversAll("the set covers every IPv6 address", anyUse), n.key, n.path)
	}
}

// use is what a list of addresses is for.
type use uint8

const (
	anyUse use = iota // a set, which may be used for anything
	toBlock
	toTrust
	toServe
	toReachAll
)

// coversAll is the flaw of addresses that are everyone's.
func coversAll(message string, purpose use) *flaw {
	f := &flaw{Code: "covers-all", Message: message}
	switch purpose {
	case toBlock:
		f.Note = "to block it would drop everyone, the administrator too"
		f.Suggestion = `drop by default with [policy] input = "drop" instead`
	case toTrust:
		f.Note = "no source would be limited, banned or blocked any more"
		f.Suggestion = "list the addresses that are meant"
	case toReachAll:
		f.Suggestion = `list the addresses that are meant, or write trust = "all" if it is every packet from the zone`
	case toServe:
		f.Suggestion = `a service without from is open to everyone; leave the list out, or say remove = ["from"] if it is inherited`
	default:
		f.Note = "as a blocklist it would drop everyone, as admin it would trust everyone"
		f.Suggestion = "list the addresses that are meant"
	}
	return f
}

// addresses reads the inline addresses of a set.
func (d *decoder) addresses(to *netset.Set, entries *int) reader {
	return reader{"a list of addresses, prefixes and ranges", nil, func(n *node) {
		var prefixes []netip.Prefix
		for _, element := range texts(n, `a list of addresses such as ["192.0.2.0/24"]`, d.list) {
			d.remarkOf(element)
			text := element.scalar.(string)
			if strings.HasPrefix(text, "@") {
				d.add(&flaw{
					Code: "bad-address", Message: quote(text) + ": a set holds addresses, not other sets",
					Suggestion: `name both sets where they are used, such as from = ["@a", "@b"]`,
				}, element.value, element.path)
				continue
			}
			if covered, ok := d.prefixes(element); ok {
				prefixes = append(prefixes, covered...)
				*entries++
			}
		}
		*to = to.Union(netset.Of(prefixes...))
	}}
}

// prefixes reads an address, a prefix or a range.
func (d *decoder) prefixes(n *node) ([]netip.Prefix, bool) {
	prefixes, err := netset.Parse(n.scalar.(string))
	if err == nil {
		return prefixes, true
	}
	syntax := err.(*netset.SyntaxError) // Parse promises it
	f := &flaw{Code: syntax.Code, Message: syntax.Message, Suggestion: syntax.Suggestion}
	d.meantSet(n.scalar.(string), f)
	d.add(f, n.value, n.path)
	return nil, false
}

// meantSet says of what is not an address that it is the name of a set, or nearly.
func (d *decoder) meantSet(text string, f *flaw) {
	if len(*d.list) > diag.Most {
		return // the diagnostic would be cut off
	}
	if d.sets[text] {
		f.Message = quote(text) + " is not an address; there is a set of this name"
		f.Suggestion = fmt.Sprintf("write %q", "@"+text)
	} else if near, ok := nearest(text, d.setNames); ok {
		f.Suggestion = fmt.Sprintf("did you mean the set %q?", "@"+near)
	}
}

// lists reads the files of a set.
func (d *decoder) lists(to *netset.Set, entries *int) reader {
	return reader{"a list of files: paths, and builtin:NAME", nil, func(n *node) {
		elements := texts(n, `a list of files such as ["lists/name.txt"]`, d.list)
		if len(elements) > maxSetFiles {
			d.errorf("too-many", n, "names more than %d files", maxSetFiles)
			return
		}
		for _, element := range elements {
			set, count := d.readList(element)
			*entries += count
			*to = to.Union(set)
		}
	}}
}

// readList reads the list that an element of files names.
func (d *decoder) readList(element *node) (set netset.Set, entries int) {
	name, flaw := resolve(element.value.File, element.scalar.(string))
	if flaw != nil {
		d.add(flaw, element.value, element.path)
		return set, 0
	}
	text, format, err := d.files.List(name)
	if err != nil {
		f := unreadable("list", name, MaxList, err)
		if errors.Is(err, fs.ErrNotExist) {
			_, builtIn := d.files.BuiltIn()
			f.Suggestion, f.Note = meantBuiltIn(name, builtIn)
		}
		d.add(f, element.value, element.path)
		return set, 0
	}
	if d.read += len(text); d.read > maxListBytes {
		d.errorf("too-large", element, "the lists of this profile are larger than %d MiB together", maxListBytes>>20)
		return set, 0
	}
	before := len(*d.list)
	if format == JSON {
		set, entries = netset.ReadJSON(name, text, d.list)
	} else {
		set, entries = netset.ReadText(name, text, d.list)
	}
	switch failed := (*d.list)[before:].HasErrors(); {
	case failed && notList(name, text) != nil:
		*d.list = (*d.list)[:before]
		d.add(notList(name, text), element.value, element.path)
	case !failed && entries == 0:
		d.errorf("empty-list", element, "list %s holds no address", quote(name))
	}
	return set, entries
}

// access reads [access].
func (d *decoder) access(n *node) {
	a := &d.profile.Access
	a.Position = n.key
	d.table(n, fields{
		"admin":  d.refs(&a.Admin, toTrust),
		"exempt": d.refs(&a.Exempt, toTrust),
		"block":  d.refs(&a.Block, toBlock),

		"admin_untracked": d.boolean(&a.AdminUntracked),
	})
}

// from reads who may reach a service.
func (d *decoder) from(to *[]Ref) reader {
	refs := d.refs(to, toServe)
	return reader{"a list of prefixes, ranges and @SET", nil, func(n *node) {
		if !d.mustInherit(n, "everyone") {
			return
		}
		refs.read(n)
		if n.kind == kindArray && len(n.children) == 0 {
			d.add(&flaw{
				Code: "empty-list", Message: "is empty: no source could connect",
				Suggestion: `leave it out to let everyone in, or say remove = ["from"] if it is inherited; enabled = false switches the service off`,
			}, n.value, n.path)
		}
	}}
}

// refs reads a list of addresses and names of sets.
func (d *decoder) refs(to *[]Ref, purpose use) reader {
	return reader{"a list of prefixes, ranges and @SET", nil, func(n *node) {
		var inline []netip.Prefix
		for _, element := range texts(n, `a list such as ["@office", "192.0.2.7"]`, d.list) {
			for _, ref := range d.refsOf(element, purpose) {
				*to = append(*to, ref)
				if ref.Set == "" {
					inline = append(inline, ref.Prefix)
				}
			}
		}
		if all := netset.Of(inline...); all.AllV4() || all.AllV6() {
			d.add(coversAll("the addresses of this list cover everyone together", purpose), n.value, n.path)
		}
	}}
}

// refsOf reads one element of such a list: a range is as many references as it has prefixes.
func (d *decoder) refsOf(element *node, purpose use) (refs []Ref) {
	d.remarkOf(element)
	if name, isSet := strings.CutPrefix(element.scalar.(string), "@"); isSet {
		if d.knownSet(element, name) {
			refs = append(refs, Ref{Position: element.value, Set: name})
		}
		return refs
	}
	prefixes, _ := d.prefixes(element) // none where it has reported a flaw
	for _, p := range prefixes {
		if p.Bits() == 0 {
			d.add(coversAll(quote(p.String())+" is everyone", purpose), element.value, element.path)
			return nil
		}
		refs = append(refs, Ref{Position: element.value, Prefix: p})
	}
	return refs
}

// setIsOff reports a list that names a set which is switched off: where the list is
// inherited, at the line that does so.
func (d *decoder) setIsOff(element *node, name string, at diag.Position) {
	f := &flaw{
		Code: "set-off", Message: fmt.Sprintf("the set %s is switched off in %s", quote(name), at),
		Suggestion: "take it out of this list",
	}
	if !isBuiltin(element.value.File) {
		d.add(f, element.value, element.path)
		return
	}
	f.Message = fmt.Sprintf("is switched off, and %s of %s names it", element.path, element.value)
	f.Suggestion = fmt.Sprintf("take it out of that list: %s.remove = [%q]", element.path, "@"+name)
	d.add(f, at, join("sets", name))
}

// knownSet reports whether the profile has a set, and says so if not.
func (d *decoder) knownSet(element *node, name string) bool {
	if d.sets[name] || d.setsPartial {
		return true
	}
	f := &flaw{Code: "unknown-set", Message: fmt.Sprintf("there is no set %s", quote(name))}
	if at, isOff := d.off[join("sets", name)]; isOff {
		d.setIsOff(element, name, at)
		return false
	}
	if len(*d.list) > diag.Most {
		d.add(f, element.value, element.path) // the suggestion would be cut off
		return false
	}
	if near, ok := nearest(name, d.setNames); ok {
		f.Suggestion = fmt.Sprintf("did you mean %q?", "@"+near)
	} else if isName(name, MaxName) {
		f.Suggestion = fmt.Sprintf("state it as [sets.%s]", name)
	}
	d.add(f, element.value, element.path)
	return false
}
