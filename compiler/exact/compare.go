package exact

import (
	"cmp"
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
	// Example is one of the packets, with what must be true of the host.
	Example    Packet
	Conditions []Condition
	Before     Decided
	After      Decided
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
	w := NewWorld(before.Family, before, after)
	for _, hook := range []Hook{Input, Forward, Output} {
		a := w.Walk(before, hook, w.Possible()).Verdicts
		b := w.Walk(after, hook, w.Possible()).Verdicts
		whole := w.equal(w.bits(Fragment), 0)
		for _, d := range w.changes(a, b) {
			if w.g.And(d.packets, whole) != bdd.False {
				d.packets = w.g.And(d.packets, whole)
			}
			for _, part := range w.byState(d.packets) {
				regions, cut := w.Regions(hook, part.packets)
				more = more || cut
				for _, r := range regions {
					all = append(all, w.difference(before, after, Difference{Hook: hook, Change: d.change, First: part.first, Usual: part.usual, Region: r}))
				}
			}
		}
	}
	return all, more
}

// ofState are the packets that differ in the usual state, or only in others.
type ofState struct {
	first, usual bool
	packets      bdd.Node
}

// byState splits packets into those that begin connections, others, and those that are in
// the set only in unusual states. Each part has only packets that are like none of the part
// before: one odd packet would hide what the others have in common.
func (w *World) byState(n bdd.Node) []ofState {
	n = w.Settle(n)
	example := w.usual(Packet{})
	usual := w.g.Where(n, func(v int) bdd.Value {
		if w.IsFact(v) {
			return bdd.Of(example(v))
		}
		return bdd.Unknown
	})
	first := w.g.And(usual, w.first())
	rest := w.g.Without(usual, w.shape(first))
	return []ofState{{true, true, first}, {false, true, rest}, {false, false, w.g.Without(n, w.shape(usual))}}
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
}

// changes are the packets of each kind of change.
func (w *World) changes(a, b map[Verdict]bdd.Node) []changed {
	accept := Verdict{Kind: Accept}
	all := []changed{
		{NewlyAccepted, w.g.Without(b[accept], a[accept])},
		{NoLonger, w.g.Without(a[accept], b[accept])},
	}
	differs := bdd.False
	for _, v := range verdictsOf(a, b) {
		if v != accept {
			differs = w.g.Or(differs, w.g.Without(b[v], a[v]))
		}
	}
	return append(all, changed{Otherwise, w.g.Without(differs, w.g.Or(a[accept], b[accept]))})
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
