package exact

import (
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// Region is a part of a set of packets that can be said in a line: some protocols and
// ports by some interfaces, from some sources to some destinations.
type Region struct {
	// Protocols, Ports (of the destination) and Types (of ICMP) are ranges of numbers. Of
	// the two latter, those that the protocol does not have are empty.
	Protocols, Ports, Types []Range
	// Interfaces are the names of those by which the packets come in, or leave the host,
	// as rules have them. Any is true where it does not matter, Other where those that no
	// rule names are among them.
	Interfaces []string
	Any, Other bool
	// Sources and Destinations are addresses; nil where it does not matter.
	Sources, Destinations Addresses
	// Inside are lists that the sources are in, Outside those that they are not in, which
	// Sources does not say: they are too long.
	Inside, Outside []Listed
	// Packets are those of the set that the other fields say.
	Packets bdd.Node
}

// Has reports whether packets of a protocol to one of some ports are in the region.
func (r Region) Has(protocol string, first, last uint16) bool {
	return overlap(r.Protocols, protocols[protocol], protocols[protocol]) && (r.Ports == nil || overlap(r.Ports, uint64(first), uint64(last)))
}

func overlap(ranges []Range, first, last uint64) bool {
	return slices.ContainsFunc(ranges, func(r Range) bool { return r.First <= last && first <= r.Last })
}

// HasOther reports whether packets of other protocols than some are in the region.
func (r Region) HasOther(names ...string) bool {
	left := uint64(0)
	for _, of := range r.Protocols {
		left += of.Last - of.First + 1
	}
	for _, name := range names {
		if overlap(r.Protocols, protocols[name], protocols[name]) {
			left--
		}
	}
	return left > 0
}

// Range is numbers from First to Last.
type Range struct{ First, Last uint64 }

// mostRegions is how many parts a set is split into.
const mostRegions = 64

// kept are the fields that a Region says something of.
var kept = map[Field]bool{
	Source: true, Destination: true, Protocol: true, In: true, Out: true, ICMPType: true, DestinationPort: true,
}

// Regions splits a set of packets. more is true if there are more than it returns.
func (w *World) Regions(hook Hook, n bdd.Node) (regions []Region, more bool) {
	by, other := In, Out
	if hook == Output {
		by, other = Out, In
	}
	for _, p := range w.split(w.ignore(w.shape(n), other), Protocol) {
		protocol := p.ranges[0].First
		number, other := ICMPType, DestinationPort
		if hasPorts(protocol) {
			number, other = other, number
		}
		for _, i := range w.split(w.ignore(p.rest, other), by) {
			for _, at := range w.split(i.rest, number) {
				if len(regions) == mostRegions {
					return regions, true
				}
				r := Region{Protocols: p.ranges, Packets: w.g.And(n, p.values, i.values, at.values)}
				r.Interfaces, r.Other, r.Any = w.named(i.ranges)
				if number == DestinationPort {
					r.Ports = at.ranges
				} else if protocol == icmpOf(w.Family) {
					r.Types = at.ranges
				}
				r.Inside, r.Outside = w.Lists(r.Packets, Source)
				r.Sources, r.Destinations = w.addressesIn(at.rest, Source), w.addressesIn(at.rest, Destination)
				regions = append(regions, r)
			}
		}
	}
	return regions, false
}

// ignore are the packets that are like one of a set but for a field.
func (w *World) ignore(n bdd.Node, f Field) bdd.Node {
	return w.g.Any(n, func(v int) bool { of, isField := w.FieldOf(v); return isField && of == f })
}

// shape are the packets that are like one of a set in the fields that a Region has. What
// is in no such field goes first: the addresses of lists are put into what is left.
func (w *World) shape(n bdd.Node) bdd.Node {
	others := func(v int) bool { f, isField := w.FieldOf(v); return !isField || !kept[f] }
	n = w.g.Any(n, func(v int) bool { return others(v) && !(w.IsFact(v) && w.isList(v)) })
	return w.g.Any(w.Settle(n), others)
}

// part is the values of a field for which the rest of a function is the same.
type part struct {
	ranges []Range
	values bdd.Node // of the field alone
	rest   bdd.Node // of the other fields
}

// split finds the parts of a function by the field that it asks first, in the order of
// the smallest numbers.
func (w *World) split(n bdd.Node, f Field) (parts []part) {
	for _, p := range w.g.Cut(n, w.fields[f].first+w.fields[f].bits) {
		if p.Rest != bdd.False {
			parts = append(parts, part{w.ranges(p.Values, f), p.Values, p.Rest})
		}
	}
	return parts
}

// ranges are the values of a field for which a function of it alone is true.
func (w *World) ranges(n bdd.Node, f Field) (all []Range) {
	var visit func(n bdd.Node, bit int, value uint64)
	visit = func(n bdd.Node, bit int, value uint64) {
		width := w.fields[f].bits - bit
		switch {
		case n == bdd.False:
		case n == bdd.True:
			first, last := value<<width, value<<width|(1<<width-1)
			if end := len(all) - 1; end >= 0 && all[end].Last+1 == first {
				all[end].Last = last
			} else {
				all = append(all, Range{first, last})
			}
		default:
			low, high := w.halves(n, w.fields[f].first+bit)
			visit(low, bit+1, value<<1)
			visit(high, bit+1, value<<1|1)
		}
	}
	visit(n, 0, 0)
	return all
}

// halves are a function where a variable is false, and where it is true. It asks none
// before.
func (w *World) halves(n bdd.Node, variable int) (low, high bdd.Node) {
	if asked, low, high, _ := w.g.Node(n); asked == variable {
		return low, high
	}
	return n, n
}

// named are interfaces by their numbers. any is true where they are all but the loopback.
func (w *World) named(numbers []Range) (names []string, other, any bool) {
	in := map[uint64]bool{}
	for _, r := range numbers {
		for i := r.First; i <= min(r.Last, uint64(len(w.interfaces))); i++ {
			in[i] = true
		}
	}
	any = in[0]
	for i, name := range w.interfaces {
		if in[uint64(i+1)] {
			names = append(names, name)
		} else if name != loopback {
			any = false
		}
	}
	return names, in[0], any
}

// Addresses are addresses as the fewest prefixes, in order; nil for all.
type Addresses []netip.Prefix

// mostPrefixesSaid is how many prefixes of a set of addresses are found.
const mostPrefixesSaid = mostPrefixes

// addressesIn are the sources or destinations that a function has.
func (w *World) addressesIn(n bdd.Node, f Field) (all Addresses) {
	n = w.g.Any(n, func(v int) bool { of, _ := w.FieldOf(v); return of != f })
	if n == bdd.True {
		return nil
	}
	address := make([]byte, w.fields[f].bits/8)
	var visit func(n bdd.Node, bit int)
	visit = func(n bdd.Node, bit int) {
		switch {
		case n == bdd.False || len(all) > mostPrefixesSaid:
		case n == bdd.True:
			a, _ := netip.AddrFromSlice(address) // 4 or 16 bytes
			all = append(all, netip.PrefixFrom(a, bit))
		default:
			low, high := w.halves(n, w.fields[f].first+bit)
			visit(low, bit+1)
			address[bit/8] |= 1 << (7 - bit%8)
			visit(high, bit+1)
			address[bit/8] &^= 1 << (7 - bit%8)
		}
	}
	visit(n, 0)
	return all
}
