package exact

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// Change is how a decision differs.
type Change string

// The changes.
const (
	NewlyAccepted Change = "newly accepted"
	NoLonger      Change = "no longer accepted"
	Otherwise     Change = "answered differently"
	// OtherSets: rules put the packets into other sets, or take them out of others.
	OtherSets Change = "counted differently"
)

// Difference is packets that two firewalls decide differently.
type Difference struct {
	Hook   Hook
	Change Change
	// First says that first packets of connections differ, in the usual state of the host.
	First bool
	// Usual says that the difference is there in the usual state of the host. Otherwise it
	// is there only in others, such as with Conditions.
	Usual  bool
	Region Region
	// Open says of packets that are no longer accepted that open connections have such ones:
	// they break.
	Open bool
	// Example is one of the packets, with what must be true of the host.
	Example    Packet
	Conditions []Condition
	Before     Decided
	After      Decided
	// Sets says of packets with OtherSets into which sets they go: "newly added to NAME", "no
	// longer added to NAME", and the same of "removed from".
	Sets []string
}

// Decided is what one firewall does with the example.
type Decided struct {
	Verdict Verdict
	By      RuleID
}

// Compare returns the differences in meaning between two firewalls of a family: none if no
// packet is decided differently, in any state of sets, limits and connections. more is true
// if there are more than it returns. Later fragments count only where whole packets do not
// differ: conntrack puts packets together before rules see them.
func Compare(before, after *Firewall) (all []Difference, more bool) {
	all, more, _ = CompareWithin(before, after, 0) // no limit, no error
	return all, more
}

// ErrTooMuch is the error of rules that are too many, or have too little in common, to be
// asked within a limit.
var ErrTooMuch = errors.New("the rules take more time than there is")

// MostSteps is the limit of a question that a person asks of any rules: some ten seconds,
// and a gigabyte. A profile takes a hundredth of it.
const MostSteps = 20_000_000

// CompareWithin is Compare with a limit of steps: see bdd.Graph. 0 is for none. Equal input
// always ends at the same step.
func CompareWithin(before, after *Firewall, steps int) (all []Difference, more bool, err error) {
	w := NewWorld(before.Family, before, after)
	err = w.bounded(steps, func() { all, more = w.compare(before, after) })
	return all, more, err
}

// bounded asks something of the world with a limit of steps; 0 is for none.
func (w *World) bounded(steps int, ask func()) error {
	w.g.Limit(steps)
	return Bounded(func() error {
		ask()
		return nil
	})
}

// Bounded asks something, and returns ErrTooMuch if a graph with a limit needs more steps.
func Bounded(ask func() error) (err error) {
	defer func() {
		switch reason := recover(); reason {
		case nil:
		case bdd.TooMuch{}:
			err = ErrTooMuch
		default:
			panic(reason)
		}
	}()
	return ask()
}

// compare is Compare in a world of both.
func (w *World) compare(before, after *Firewall) (all []Difference, more bool) {
	for _, hook := range []Hook{Input, Forward, Output} {
		if !before.reads(after, hook) {
			differences, cut := w.compareAt(before, after, hook)
			all, more = append(all, differences...), more || cut
		}
	}
	return all, more
}

func (w *World) compareAt(before, after *Firewall, hook Hook) (all []Difference, more bool) {
	a, b := w.verdicts(before, hook), w.verdicts(after, hook)
	whole := w.equal(w.bits(Fragment), 0)
	for _, d := range w.differing(a, b) {
		if w.g.And(d.packets, whole) != bdd.False {
			d.packets = w.g.And(d.packets, whole)
		}
		open := w.broken(hook, d)
		for _, part := range w.byState(d.packets) {
			regions, cut := w.Regions(hook, part.packets)
			more = more || cut
			for _, r := range regions {
				of := Difference{Hook: hook, Change: d.change, First: part.first, Usual: part.usual, Region: r}
				of.Open = part.usual && open != bdd.False && w.g.Meet(open, w.shape(r.Packets))
				packets := w.g.And(r.Packets, w.consistent())
				for _, s := range d.sets {
					if w.g.Meet(s.packets, packets) {
						of.Sets = append(of.Sets, s.text)
					}
				}
				all = append(all, w.difference(before, after, of))
			}
		}
	}
	return all, more
}

// differing are the packets of each kind of change. What goes into other sets is told only
// of packets that are like none with another verdict: who gets in is no longer counted.
func (w *World) differing(a, b *Result) []changed {
	decided, told := w.changes(a.Verdicts, b.Verdicts), bdd.False
	for _, d := range decided {
		told = w.g.Or(told, w.shape(d.packets))
	}
	counted := changed{change: OtherSets}
	for _, s := range w.inSets(a, b) {
		if s.packets = w.g.Without(s.packets, told); s.packets != bdd.False {
			counted.sets = append(counted.sets, s)
			counted.packets = w.g.Or(counted.packets, s.packets)
		}
	}
	return append(decided, counted)
}

// ofState are the packets that differ in the usual state, or only in others.
type ofState struct {
	first, usual bool
	packets      bdd.Node
}

// byState splits packets into those that begin connections and differ in the usual state,
// those of them that differ only in other states, such as above a limit, and the same of all
// others. Each part has only packets that are like none of those parts that say more: one odd
// packet would hide what the others have in common.
func (w *World) byState(n bdd.Node) []ofState {
	example := w.usual(Packet{})
	usual := w.Settle(w.g.Where(n, func(v int) bdd.Value {
		if w.IsFact(v) && !w.isList(v) { // a list is what it is in every state
			return bdd.Of(example(v))
		}
		return bdd.Unknown
	}))
	begins := w.first()
	first := w.g.And(usual, begins)
	told := w.shape(first)
	limited := w.Settle(w.g.Without(w.g.And(n, begins), told))
	rest := w.g.Without(usual, told)
	told = w.g.Or(w.shape(usual), w.shape(limited))
	return []ofState{{true, true, first}, {true, false, limited}, {false, true, rest}, {false, false, w.Settle(w.g.Without(n, told))}}
}

// broken are the packets of open connections, as they are in the usual state, that are no
// longer accepted. Of those that the host itself sends it is not known by which a connection
// goes on: a reset ends one.
func (w *World) broken(hook Hook, d changed) bdd.Node {
	if hook == Output || d.change != NoLonger {
		return bdd.False
	}
	return w.Settle(w.Usually(w.g.And(d.packets, w.Ongoing())))
}

// first are the packets with which connections begin, and those that belong to none and
// are not invalid.
func (w *World) first() bdd.Node {
	n := w.g.Without(w.Fresh(), w.equal(w.bits(State), invalidState))
	tcp := w.equal(w.bits(Protocol), tcpProtocol)
	return w.g.Without(n, w.g.Without(tcp, w.equal(w.bits(Flags), w.example().Values[Flags])))
}

type changed struct {
	change  Change
	packets bdd.Node
	sets    []setChange // of OtherSets
}

// setChange are packets that go into a set, or out of it, in only one of two firewalls.
type setChange struct {
	text    string
	packets bdd.Node
}

// changes are the packets of each kind of change.
func (w *World) changes(a, b map[Verdict]bdd.Node) []changed {
	accept := Verdict{Kind: Accept}
	all := []changed{
		{change: NewlyAccepted, packets: w.g.Without(b[accept], a[accept])},
		{change: NoLonger, packets: w.g.Without(a[accept], b[accept])},
	}
	differs := bdd.False
	for _, v := range verdictsOf(a, b) {
		if v != accept {
			differs = w.g.Or(differs, w.g.Without(b[v], a[v]))
		}
	}
	return append(all, changed{change: Otherwise, packets: w.g.Without(differs, w.g.Or(a[accept], b[accept]))})
}

// inSets are the packets that only one of two firewalls puts into a set, or takes out. For
// their sources another verdict may follow later: a ban, or the end of one.
func (w *World) inSets(a, b *Result) (all []setChange) {
	for _, of := range []struct {
		text          string
		before, after map[Lookup]bdd.Node
	}{
		{"newly added to ", a.Added, b.Added}, {"no longer added to ", b.Added, a.Added},
		{"newly removed from ", a.Removed, b.Removed}, {"no longer removed from ", b.Removed, a.Removed},
	} {
		keys := slices.SortedFunc(maps.Keys(of.after), func(x, y Lookup) int {
			return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Direction, y.Direction))
		})
		for _, key := range keys {
			all = append(all, setChange{of.text + key.Name, w.g.And(w.Possible(), w.g.Without(of.after[key], of.before[key]))})
		}
	}
	return all
}

// verdictsOf are all verdicts that two firewalls give, in order.
func verdictsOf(a, b map[Verdict]bdd.Node) (all []Verdict) {
	for _, of := range []map[Verdict]bdd.Node{a, b} {
		for v := range of {
			if !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
	}
	slices.SortFunc(all, func(x, y Verdict) int { return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.With, y.With)) })
	return all
}

// difference shows the packets of a region by an example.
func (w *World) difference(before, after *Firewall, d Difference) Difference {
	d.Example, d.Conditions, _ = w.Witness(d.Region.Packets)
	d.Before = w.decided(before, d.Hook, d.Example, d.Conditions)
	d.After = w.decided(after, d.Hook, d.Example, d.Conditions)
	return d
}

// decided is what a firewall does with a packet under conditions.
func (w *World) decided(f *Firewall, hook Hook, p Packet, conditions []Condition) Decided {
	x, is := w.follow(f, hook, p, conditions)
	v := x.verdict(is)
	return Decided{v, x.by(v, is)}
}
