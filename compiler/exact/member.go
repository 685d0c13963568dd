package exact

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

// list is a set of many known addresses. While chains are walked a variable stands
// for it: its diagram would be copied into that of every rule that follows. Settle
// puts the addresses in where a question is about them.
type list struct {
	Listed
	members netset.Set
	field   Field
	is      bdd.Node // true for the addresses in it: a variable, or a function of those of other lists
	// variable is of lists that have one.
	variable int
	has      bool
	diagram  bdd.Node // 0 until Settle asks for it
	// leaving and joining are the places of the lists by which another one of this name
	// differs from this one; 0 for none.
	leaving, joining int
}

// Listed is a set whose addresses are too many to be said.
type Listed struct {
	Set string
	// Change is for those addresses alone that two firewalls do not both have in the set.
	Change ListChange
}

// ListChange says in which of two firewalls addresses are in a set.
type ListChange int

// The changes; the zero ListChange is for all addresses of a set.
const (
	Leaving ListChange = iota + 1 // in the first firewall only
	Joining                       // in the second only
)

const (
	// fewPrefixes is how many a set may have to be in diagrams from the beginning.
	fewPrefixes = 32
	// mostPrefixes is how many a list may have for Settle: a diagram of more would take
	// more memory than a command should.
	mostPrefixes = 1 << 14
)

// member is true where the address or port of a packet that direction names is in
// a set now.
func (w *walk) member(name, direction string) bdd.Node {
	w.reads[name] = true
	n := w.lookup(Lookup{name, direction})
	if !strings.Contains(direction, "dst") {
		return n
	}
	w.asks(Destination)
	if w.led.all != bdd.False {
		n = w.g.Choose(w.led.all, w.memberLed(name, direction), n)
	}
	return w.of(Destination, n, "in "+name)
}

// memberLed is member of packets that DNAT has led to another address.
func (w *walk) memberLed(name, direction string) bdd.Node {
	if parts, isList := w.f.parts(name); isList {
		any := bdd.False
		for _, part := range parts {
			any = w.g.Or(any, w.memberLed(part, direction))
		}
		return any
	}
	if members, known := w.f.members(name); known && direction == "dst" {
		return w.led.where(w.g, members.Contains)
	}
	return w.lookup(Lookup{name, translated + direction})
}

// translated is before the direction of a lookup of an address to which DNAT has led.
const translated = "translated "

// lookup is member of the packet as it came, or of what the direction says.
func (w *walk) lookup(key Lookup) bdd.Node {
	now, known := w.sets[key]
	if !known {
		now = w.membership(key.Name, key.Direction)
		w.sets[key] = now
	}
	return now
}

// membership is member before any rule has changed the set.
func (w *walk) membership(name, direction string) bdd.Node {
	if parts, isList := w.f.parts(name); isList {
		any := bdd.False
		for _, part := range parts {
			w.reads[part] = true
			any = w.g.Or(any, w.lookup(Lookup{part, direction}))
		}
		return any
	}
	field, plain := map[string]Field{"src": Source, "dst": Destination}[direction]
	members, known := w.f.members(name)
	if !plain || !known {
		return w.fact(Fact{Kind: Member, Set: name, Direction: direction})
	}
	if !members.Longer(fewPrefixes) {
		return w.withinAny(w.came[field], prefixesOf(members))
	}
	return w.listed(name, members, field)
}

func prefixesOf(members netset.Set) []netip.Prefix { return append(members.V4(), members.V6()...) }

// listed is true for the addresses of a list.
func (w *World) listed(name string, members netset.Set, field Field) bdd.Node {
	for _, l := range w.lists {
		if l.field == field && l.members.Equal(members) {
			return l.is
		}
	}
	l := list{Listed: Listed{Set: name}, members: members, field: field}
	before := slices.IndexFunc(w.lists, func(l list) bool { return l.field == field && l.Listed == Listed{Set: name} })
	if before < 0 {
		return w.addList(l)
	}
	// Of a long list that changes, most addresses stay. What is said is what changes.
	old := w.lists[before]
	part := func(change ListChange, of netset.Set) bdd.Node {
		if of.IsEmpty() {
			return bdd.False
		}
		return w.addList(list{Listed: Listed{name, change}, members: of, field: field})
	}
	leaving := part(Leaving, old.members.Subtract(members))
	w.lists[before].leaving = len(w.lists) - 1
	joining := part(Joining, members.Subtract(old.members))
	w.lists[before].joining = len(w.lists) - 1
	l.is = w.g.Or(joining, w.g.Without(old.is, leaving))
	w.lists = append(w.lists, l)
	return l.is
}

// addList gives a list a variable.
func (w *World) addList(l list) bdd.Node {
	direction := "src"
	if l.field == Destination {
		direction = "dst"
	}
	l.is = w.fact(Fact{Kind: Member, Set: l.Set, Direction: direction, Change: l.Change, Which: len(w.lists) + 1})
	l.variable, _, _, _ = w.g.Node(l.is)
	l.has = true
	w.lists = append(w.lists, l)
	return l.is
}

// Settle replaces the variable of each list by the addresses that are in it, unless they
// are too many. What is known of it by lists that it differs from is put in too.
func (w *World) Settle(n bdd.Node) bdd.Node {
	whole := n
	for i := range w.lists {
		if l := w.lists[i]; l.has && l.members.Longer(mostPrefixes) {
			n = w.related(l, n, whole)
		}
	}
	for i := range w.lists {
		if l := &w.lists[i]; l.has && !l.members.Longer(mostPrefixes) && w.g.Depends(n, l.variable) {
			n = w.g.Put(n, l.variable, w.diagramOf(l))
		}
	}
	return n
}

// diagramOf is true for the addresses that are in a list.
func (w *World) diagramOf(l *list) bdd.Node {
	if l.diagram == bdd.False {
		l.diagram = w.withinAny(w.bits(l.field), prefixesOf(l.members))
	}
	return l.diagram
}

// consistent is true where the variable of each list is what the address of the packet says.
func (w *World) consistent() bdd.Node {
	all := bdd.True
	for i := range w.lists {
		if l := &w.lists[i]; l.has && !l.members.Longer(mostPrefixes) {
			all = w.g.And(all, w.g.Same(l.is, w.diagramOf(l)))
		}
	}
	return all
}

// related puts in that what leaves a list was in it, and that what joins it was not, as far
// as the whole function asks for them.
func (w *World) related(l list, n, whole bdd.Node) bdd.Node {
	leaving, joining := w.lists[l.leaving], w.lists[l.joining]
	leaves := leaving.Listed == (Listed{l.Set, Leaving}) && w.g.Depends(whole, leaving.variable)
	joins := joining.Listed == (Listed{l.Set, Joining}) && w.g.Depends(whole, joining.variable)
	if !leaves && !joins || !w.g.Depends(whole, l.variable) {
		return n
	}
	in, out := w.g.Put(n, l.variable, bdd.True), w.g.Put(n, l.variable, bdd.False)
	if leaves {
		n = w.g.Choose(leaving.is, in, n)
	}
	if joins {
		n = w.g.Choose(joining.is, out, n)
	}
	return n
}

// isList reports whether a variable stands for a list.
func (w *World) isList(variable int) bool {
	return slices.ContainsFunc(w.lists, func(l list) bool { return l.has && l.variable == variable })
}

// someOf narrows packets to some whose address is in the list that a variable stands for.
func (w *World) someOf(n bdd.Node, variable int) bdd.Node {
	for _, l := range w.lists {
		if l.has && l.variable == variable {
			prefixes := prefixesOf(l.members)
			if some := w.g.And(n, w.withinAny(w.bits(l.field), prefixes[:min(len(prefixes), fewPrefixes)])); some != bdd.False {
				return some
			}
		}
	}
	return n
}

// Lists are the lists in which the addresses of all of some packets are, and those in which
// none is, as far as they are too long to be said.
func (w *World) Lists(n bdd.Node, field Field) (inside, outside []Listed) {
	for _, l := range w.lists {
		if !l.has || l.field != field || !w.g.Depends(n, l.variable) {
			continue
		}
		switch bdd.False {
		case w.g.Put(n, l.variable, bdd.False):
			inside = append(inside, l.Listed)
		case w.g.Put(n, l.variable, bdd.True):
			outside = append(outside, l.Listed)
		}
	}
	return inside, outside
}

// listValue returns whether an address is in the list that a variable stands for.
func (w *World) listValue(variable int, source, destination netip.Addr) bdd.Value {
	for _, l := range w.lists {
		if !l.has || l.variable != variable {
			continue
		}
		address := source
		if l.field == Destination {
			address = destination
		}
		if address.IsValid() {
			return bdd.Of(l.members.Contains(address))
		}
	}
	return bdd.Unknown
}

// Lookup is a set, and what of a packet is looked up in it, as ipset says it: "src".
type Lookup struct{ Name, Direction string }

// countKey is a counter of an entry, compared with a number.
type countKey struct {
	Lookup
	above uint64
}

// counted is true where the entry of a packet in a set has counted more than so many. Rules
// may ask for several numbers, each of which has a variable: an entry is above 10 where it
// is said to be above 10, or above 20. So no answer says that it is above 20 and not above 10.
func (w *walk) counted(name, direction string, above uint64) bdd.Node {
	key := countKey{Lookup{name, direction}, above}
	now, known := w.counts[key]
	if known {
		return now
	}
	for _, number := range w.numbers[key.Lookup] {
		if number >= above {
			now = w.g.Or(now, w.fact(Fact{Kind: Counted, Set: name, Direction: direction, Above: number}))
		}
	}
	w.counts[key] = now
	return now
}

// noteNumbers notes the numbers of packets that rules compare counters with.
func (w *World) noteNumbers(f *Firewall) {
	for _, r := range f.rules {
		for _, m := range r.asked {
			options, _ := split(m.Words)
			if key, above, ok := comparesCounter(m.Name, options); ok && !slices.Contains(w.numbers[key], above) {
				w.numbers[key] = append(w.numbers[key], above)
			}
		}
	}
}

// newEntry is the most that an entry can have counted of the packet that made it: each
// rule that looks counts it once.
const newEntry = 8

// change is a SET target: packets add themselves to a set, if it has room, or remove
// themselves.
func (w *walk) change(option, name, direction string, packets bdd.Node) {
	w.touched[name] = w.g.Or(w.touched[name], packets)
	if strings.Contains(direction, "dst") {
		w.asks(Destination)
		if w.led.all != bdd.False {
			w.changeEntry(option, Lookup{name, translated + direction}, w.g.And(packets, w.led.all))
			packets = w.g.Without(packets, w.led.all)
		}
	}
	w.changeEntry(option, Lookup{name, direction}, packets)
}

func (w *walk) changeEntry(option string, key Lookup, packets bdd.Node) {
	was := w.lookup(key)
	if option == "--del-set" {
		w.sets[key] = w.g.Without(was, packets)
		return
	}
	room := bdd.True
	if s := w.f.sets[key.Name]; s == nil || !s.evicts() {
		room = w.fact(Fact{Kind: Room, Set: key.Name})
	}
	w.sets[key] = w.g.Or(was, w.g.And(packets, room))
	for _, above := range w.numbers[key] {
		if above >= newEntry {
			w.counts[countKey{key, above}] = w.g.Without(w.counted(key.Name, key.Direction, above), packets)
		}
	}
}

// evicts reports whether a full set removes an old entry for a new one.
func (s *set) evicts() bool {
	_, evicts := s.Value("forceadd")
	return evicts
}

// matchSet is "-m set": the address is in the set, and its entry has counted so many.
func matchSet(options []option) (question, bool) {
	key, above, counts := comparesCounter("set", options)
	ok := key.Name != ""
	for _, o := range options[min(1, len(options)):] {
		ok = ok && (counts && !options[0].not && o.name == "--packets-gt" || o.not && strings.HasPrefix(o.name, "--update-"))
	}
	return func(w *walk) bdd.Node {
		in := w.member(key.Name, key.Direction)
		switch {
		case options[0].not:
			return w.g.Not(in)
		case counts:
			return w.g.And(in, w.counted(key.Name, key.Direction, above))
		}
		return in
	}, ok
}

// comparesCounter returns the set of a match, and the number of packets that it compares
// the counter of an entry with, if it does.
func comparesCounter(match string, options []option) (key Lookup, above uint64, ok bool) {
	if match != "set" || len(options) == 0 || options[0].name != "--match-set" || len(options[0].values) != 2 {
		return key, 0, false
	}
	key = Lookup{options[0].values[0], options[0].values[1]}
	for _, o := range options[1:] {
		if o.name == "--packets-gt" && len(o.values) == 1 && !o.not {
			above, ok = number(o.values[0], 64)
		}
	}
	return key, above, ok
}
