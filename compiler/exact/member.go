package exact

import (
	"net/netip"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

// list is a set of many known addresses. While chains are walked a variable stands
// for it: its diagram would be copied into that of every rule that follows. Settle
// puts the addresses in where a question is about them.
type list struct {
	members  netset.Set
	field    Field
	variable int
	diagram  bdd.Node // 0 until Settle asks for it
}

const (
	// fewPrefixes is how many a set may have to be in diagrams from the beginning.
	fewPrefixes = 32
	// mostPrefixes is how many a list may have for Settle: a diagram of more would take
	// more memory than a command should.
	mostPrefixes = 1 << 16
)

// member is true where the address or port of a packet that direction names is in
// a set now.
func (w *walk) member(name, direction string) bdd.Node {
	key := Lookup{name, direction}
	w.reads[name] = true
	now, known := w.sets[key]
	if !known {
		now = w.membership(name, direction)
		w.sets[key] = now
	}
	if strings.Contains(direction, "dst") {
		return w.of(Destination, now, "in "+name)
	}
	return now
}

// membership is member before any rule has changed the set.
func (w *walk) membership(name, direction string) bdd.Node {
	if s := w.f.sets[name]; s != nil && s.Type == "list:set" && !w.f.filled[name] {
		any := bdd.False
		for _, e := range s.entries {
			// The kernel takes no list in a list.
			if member := w.f.sets[e.Element]; member == nil || member.Type != s.Type {
				any = w.g.Or(any, w.member(e.Element, direction))
			}
		}
		return any
	}
	field, plain := map[string]Field{"src": Source, "dst": Destination}[direction]
	members, known := w.f.members(name)
	if !plain || !known {
		return w.fact(Fact{Kind: Member, Set: name, Direction: direction})
	}
	prefixes := append(members.V4(), members.V6()...)
	if len(prefixes) <= fewPrefixes {
		return w.withinAny(w.now[field], prefixes)
	}
	return w.listed(name, members, field)
}

// listed returns the variable of a list.
func (w *World) listed(name string, members netset.Set, field Field) bdd.Node {
	for _, l := range w.lists {
		if l.field == field && l.members.Equal(members) {
			return w.g.Variable(l.variable)
		}
	}
	direction := "src"
	if field == Destination {
		direction = "dst"
	}
	n := w.fact(Fact{Kind: Member, Set: name, Direction: direction, Which: len(w.lists) + 1})
	variable, _, _, _ := w.g.Node(n)
	w.lists = append(w.lists, list{members: members, field: field, variable: variable})
	return n
}

// Settle replaces the variable of each list by the addresses that are in it.
func (w *World) Settle(n bdd.Node) bdd.Node {
	asked := w.g.Asked(n)
	for i := range w.lists {
		l := &w.lists[i]
		prefixes := append(l.members.V4(), l.members.V6()...)
		if !asked[l.variable] || len(prefixes) > mostPrefixes {
			continue
		}
		if l.diagram == bdd.False {
			l.diagram = w.withinAny(w.bits(l.field), prefixes)
		}
		in := w.g.Where(n, func(v int) bdd.Value { return when(v == l.variable, bdd.Yes) })
		out := w.g.Where(n, func(v int) bdd.Value { return when(v == l.variable, bdd.No) })
		n = w.g.Choose(l.diagram, in, out)
	}
	return n
}

func when(is bool, value bdd.Value) bdd.Value {
	if is {
		return value
	}
	return bdd.Unknown
}

// listValue returns whether an address is in the list that a variable stands for.
func (w *World) listValue(variable int, source, destination netip.Addr) bdd.Value {
	for _, l := range w.lists {
		if l.variable != variable {
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

// counted is true where the entry of a packet in a set has counted more than so many.
func (w *walk) counted(name, direction string, above uint64) bdd.Node {
	key := countKey{Lookup{name, direction}, above}
	now, known := w.counts[key]
	if !known {
		now = w.fact(Fact{Kind: Counted, Set: name, Direction: direction, Above: above})
		w.counts[key] = now
	}
	return now
}

// newEntry is the most that an entry can have counted of the packet that made it: each
// rule that looks counts it once.
const newEntry = 8

// change is a SET target: packets add themselves to a set, if it has room, or remove
// themselves.
func (w *walk) change(option, name, direction string, packets bdd.Node) {
	key := Lookup{name, direction}
	was := w.member(name, direction)
	w.touched[name] = w.g.Or(w.touched[name], packets)
	if option == "--del-set" {
		w.sets[key] = w.g.Without(was, packets)
		return
	}
	room := bdd.True
	if s := w.f.sets[name]; s == nil || !s.evicts() {
		room = w.fact(Fact{Kind: Room, Set: name})
	}
	w.sets[key] = w.g.Or(was, w.g.And(packets, room))
	for count, now := range w.counts {
		if count.Lookup == key && count.above >= newEntry {
			w.counts[count] = w.g.Without(now, packets)
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
	if len(options) == 0 || options[0].name != "--match-set" || len(options[0].values) != 2 {
		return nil, false
	}
	name, direction, above := options[0].values[0], options[0].values[1], ""
	for _, o := range options[1:] {
		switch {
		case o.name == "--packets-gt" && len(o.values) == 1 && !o.not && !options[0].not:
			above = o.values[0]
		case !strings.HasPrefix(o.name, "--update-") || !o.not:
			return nil, false
		}
	}
	most, ok := number(above, 64)
	if above != "" && !ok {
		return nil, false
	}
	return func(w *walk) bdd.Node {
		in := w.member(name, direction)
		switch {
		case options[0].not:
			return w.g.Not(in)
		case above != "":
			return w.g.And(in, w.counted(name, direction, most))
		}
		return in
	}, true
}
