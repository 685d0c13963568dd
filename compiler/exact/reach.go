package exact

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// Open is new connections and packets that a firewall accepts to its host.
type Open struct {
	// Depends is the verdict of packets of which the rules do not tell whether they
	// reach the host, such as those that DNAT sends elsewhere; the zero Verdict for what
	// is accepted. Of these Unless is not known.
	Depends Verdict
	// Usual is false for what is accepted only in some states of sets and limits, such as
	// with Conditions.
	Usual      bool
	Region     Region
	Example    Packet
	Conditions []Condition
	By         RuleID
	// Unless are the states in which the example is not accepted.
	Unless []Exception
	More   bool
}

// Reach returns what reaches the host of a firewall from other hosts: the first packets
// of connections, and what belongs to none. A valid source asks for that address alone,
// and a port that is not 0 for that port of the protocol, which is a name or "" for any.
func Reach(f *Firewall, source netip.Addr, protocol string, port uint16) (all []Open, more bool) {
	all, more, _ = ReachWithin(f, source, protocol, port, 0) // no limit, no error
	return all, more
}

// ReachWithin is Reach with a limit of steps: see CompareWithin.
func ReachWithin(f *Firewall, source netip.Addr, protocol string, port uint16, steps int) (all []Open, more bool, err error) {
	w := NewWorld(f.Family, f)
	err = w.bounded(steps, func() { all, more = w.reach(f, w.asked(source, protocol, port)) })
	return all, more, err
}

// reach is Reach of some packets.
func (w *World) reach(f *Firewall, packets bdd.Node) (all []Open, more bool) {
	result := w.Walk(f, Input, packets)
	accepted := w.Settle(result.Verdicts[Verdict{Kind: Accept}])
	parts := w.byState(accepted)
	for _, part := range parts {
		for _, by := range w.accepting(result) {
			regions, cut := w.Regions(Input, w.g.And(part.packets, by.Packets))
			more = more || cut
			for _, r := range regions {
				all = append(all, w.open(f, accepted, Open{Usual: part.usual, Region: r, By: by.Rule}))
			}
		}
	}
	undecided, cut := w.undecided(result)
	all, more = append(all, undecided...), more || cut
	slices.SortStableFunc(all, func(a, b Open) int { return a.Region.compare(b.Region) })
	return all, more
}

// undecided is what the rules leave to a target of which they do not say what it does.
func (w *World) undecided(result *Result) (all []Open, more bool) {
	for _, d := range result.Decisions {
		if d.Verdict.Kind != Other {
			continue
		}
		regions, cut := w.Regions(Input, w.Settle(d.Packets))
		more = more || cut
		for _, r := range regions {
			o := Open{Depends: d.Verdict, Usual: true, Region: r, By: d.Rule}
			o.Example, o.Conditions, _ = w.Witness(r.Packets)
			all = append(all, o)
		}
	}
	return all, more
}

// accepting are the rules that accept, each with its packets.
func (w *World) accepting(result *Result) (all []Decision) {
	for _, d := range result.Decisions {
		if d.Verdict.Kind != Accept {
			continue
		}
		d.Packets = w.Settle(d.Packets)
		if end := len(all) - 1; end >= 0 && all[end].Rule == d.Rule {
			all[end].Packets = w.g.Or(all[end].Packets, d.Packets)
		} else {
			all = append(all, d)
		}
	}
	return all
}

// compare orders regions by their first protocol and number.
func (r Region) compare(s Region) int {
	first := func(r Region) uint64 {
		for _, ranges := range [][]Range{r.Ports, r.Types} {
			if len(ranges) > 0 {
				return ranges[0].First
			}
		}
		return 0
	}
	return cmp.Or(cmp.Compare(r.Protocols[0].First, s.Protocols[0].First), cmp.Compare(first(r), first(s)))
}

// asked are the packets that Reach asks about.
func (w *World) asked(source netip.Addr, protocol string, port uint16) bdd.Node {
	g := w.g
	n := g.Without(w.first(), w.equal(w.bits(In), w.interfaceNumber(loopback)))
	if source.IsValid() {
		n = g.And(n, w.within(w.bits(Source), netip.PrefixFrom(source, source.BitLen())))
	}
	if number, known := protocols[protocol]; known {
		n = g.And(n, w.equal(w.bits(Protocol), number))
	}
	if port != 0 {
		n = g.And(n, w.equal(w.bits(DestinationPort), uint64(port)))
	}
	return n
}

// open shows a region of what is accepted by an example, and what would be refused of it.
func (w *World) open(f *Firewall, accepted bdd.Node, o Open) Open {
	o.Example, o.Conditions, _ = w.Witness(o.Region.Packets)
	if w.always(accepted, o.Example) {
		return o // of thousands of rules, most need no walk of their own
	}
	x, is := w.follow(f, Input, o.Example, o.Conditions)
	x.stated = o.Example
	x.settle()
	exceptions, more := x.exceptions(Verdict{Kind: Accept}, is)
	for _, e := range exceptions {
		if !denies(e, o.Conditions) {
			o.Unless = append(o.Unless, e)
		}
	}
	o.More = more
	return o
}

// always reports whether a packet is in a set of packets in every state.
func (w *World) always(n bdd.Node, p Packet) bool {
	usual := w.usual(p)
	return w.g.Where(n, func(v int) bdd.Value {
		if w.IsFact(v) {
			return w.listValue(v, p.Source, p.Destination)
		}
		return bdd.Of(usual(v))
	}) == bdd.True
}

// denies reports whether an exception only says that one of some conditions is not so.
func denies(e Exception, conditions []Condition) bool {
	return len(e.Conditions) == 1 && slices.ContainsFunc(conditions, func(c Condition) bool {
		c.Holds = !c.Holds
		return c.String() == e.Conditions[0]
	})
}
