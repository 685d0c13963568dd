package exact

import (
	"net/netip"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// Field is a part of a packet, or what the kernel knows of it.
type Field int

// The fields.
const (
	Source Field = iota
	Destination
	Protocol
	Flags     // of TCP: FIN is the lowest bit
	State     // of conntrack: newState, …
	Direction // of its connection: 1 for replies
	Expected  // statuses of its connection
	Replied
	Assured
	Confirmed
	SourceNAT
	DestinationNAT
	ICMPType
	ICMPCode
	In // the interface that it came in by, as World counts them
	Out
	Fragment // 1 for the second and later fragments of a packet
	DestinationPort
	SourcePort
	Length
	HopLimit
	DSCP
	Mark

	fieldCount
)

// widths are the bits of each field but the addresses.
var widths = [fieldCount]int{
	Protocol: 8, State: 3, In: interfaceBits, Out: interfaceBits, Flags: 6, ICMPType: 8, ICMPCode: 8, DestinationPort: 16, SourcePort: 16,
	Fragment: 1, Direction: 1, Expected: 1, Replied: 1, Assured: 1, Confirmed: 1, SourceNAT: 1, DestinationNAT: 1, Length: 16, HopLimit: 8,
	DSCP: 6, Mark: 32,
}

// interfaceBits is the width of In and Out.
const interfaceBits = 8

// noInterface is the value of In or Out of packets that have none.
const noInterface = 1<<interfaceBits - 1

// loopback is the one interface that every host has.
const loopback = "lo"

// States of conntrack, as the field State has them.
const (
	newState = iota
	establishedState
	relatedState
	invalidState
	untrackedState
)

// field is where the bits of a field are: the highest first.
type field struct{ first, bits int }

// order is that in which diagrams ask for fields; then come the facts, and the addresses
// at last, but for the facts of many rules (limit.go). What many rules ask for shares the
// diagrams of what few ask for, if it comes before. Found by measuring: another order costs
// up to five times the nodes. What a Region is split by stays in the order of Regions.
var order = []Field{
	Protocol, Flags, State, Direction, Expected, Replied, Assured, Confirmed, SourceNAT, DestinationNAT, In, Out,
	ICMPType, ICMPCode, Fragment, DestinationPort, SourcePort, Length, HopLimit, DSCP, Mark,
}

// firstAddress is the variable of the first bit of an address: there are fewer facts.
const firstAddress = 1 << 24

// layOut gives every field its variables.
func (w *World) layOut() {
	next := 0
	for _, f := range order {
		w.fields[f] = field{next, widths[f]}
		for range widths[f] {
			w.fieldOf = append(w.fieldOf, f)
		}
		next += widths[f]
	}
	w.firstFact = next
	bits := w.Family.Bits()
	w.fields[Destination], w.fields[Source] = field{firstAddress, bits}, field{firstAddress + bits, bits}
	w.lateFact = firstAddress + 2*bits
}

// FieldOf returns the field that a variable is a bit of.
func (w *World) FieldOf(variable int) (f Field, ok bool) {
	switch {
	case variable >= w.lateFact:
		return 0, false
	case variable >= w.fields[Source].first:
		return Source, true
	case variable >= firstAddress:
		return Destination, true
	case variable < w.firstFact:
		return w.fieldOf[variable], true
	}
	return 0, false
}

// bits are the variables of a field.
func (w *World) bits(f Field) []bdd.Node {
	all := make([]bdd.Node, w.fields[f].bits)
	for i := range all {
		all[i] = w.g.Variable(w.fields[f].first + i)
	}
	return all
}

// constant is a value as bits.
func constant(value uint64, width int) []bdd.Node {
	all := make([]bdd.Node, width)
	for i := range all {
		all[i] = bdd.Node(value >> (width - 1 - i) & 1)
	}
	return all
}

// equal is true where bits are a value.
func (w *World) equal(bits []bdd.Node, value uint64) bdd.Node {
	return w.masked(bits, value, ^uint64(0))
}

// masked is true where those bits that mask has are those of value.
func (w *World) masked(bits []bdd.Node, value, mask uint64) bdd.Node {
	result := bdd.True
	for i := len(bits) - 1; i >= 0; i-- {
		at := len(bits) - 1 - i
		if mask>>at&1 == 0 {
			continue
		}
		if value>>at&1 == 1 {
			result = w.g.And(bits[i], result)
		} else {
			result = w.g.Without(result, bits[i])
		}
	}
	return result
}

// lessOne is a number less one.
func (w *World) lessOne(bits []bdd.Node) []bdd.Node {
	less, borrow := make([]bdd.Node, len(bits)), bdd.True
	for i := len(bits) - 1; i >= 0; i-- {
		less[i] = w.g.Choose(borrow, w.g.Not(bits[i]), bits[i])
		borrow = w.g.Without(borrow, bits[i])
	}
	return less
}

// atMost is true where bits are a number that is at most so large.
func (w *World) atMost(bits []bdd.Node, most uint64) bdd.Node {
	result := bdd.True
	for i := len(bits) - 1; i >= 0; i-- {
		if most>>(len(bits)-1-i)&1 == 1 {
			result = w.g.Choose(bits[i], result, bdd.True)
		} else {
			result = w.g.Choose(bits[i], bdd.False, result)
		}
	}
	return result
}

// between is true where bits are a number from first to last.
func (w *World) between(bits []bdd.Node, first, last uint64) bdd.Node {
	result := w.atMost(bits, last)
	if first > 0 {
		result = w.g.Without(result, w.atMost(bits, first-1))
	}
	return result
}

// within is true where the bits of an address are in a prefix.
func (w *World) within(bits []bdd.Node, p netip.Prefix) bdd.Node {
	if p.Addr().BitLen() != len(bits) {
		return bdd.False
	}
	address, result := p.Addr().AsSlice(), bdd.True
	for i := p.Bits() - 1; i >= 0; i-- {
		if address[i/8]>>(7-i%8)&1 == 1 {
			result = w.g.And(bits[i], result)
		} else {
			result = w.g.Without(result, bits[i])
		}
	}
	return result
}

// withinAny is true where the bits of an address are in one of some prefixes.
func (w *World) withinAny(bits []bdd.Node, prefixes []netip.Prefix) bdd.Node {
	// Halves of halves, so that no diagram is copied as often as there are prefixes.
	switch len(prefixes) {
	case 0:
		return bdd.False
	case 1:
		return w.within(bits, prefixes[0])
	}
	half := len(prefixes) / 2
	return w.g.Or(w.withinAny(bits, prefixes[:half]), w.withinAny(bits, prefixes[half:]))
}
