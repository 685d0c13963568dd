package exact

import (
	"math/bits"
	"net/netip"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// Rules of hundreds of services each send a few packets to an address of their own. As bits
// such an address would be a function of all that those rules ask, which each later question
// would go through. So what DNAT and REDIRECT write is noted as values: of a later question
// each value needs one comparison.

// values are what rules have written into a field, each with its packets. No packet has two.
type values[V comparable] struct {
	written []V
	packets []bdd.Node
	at      map[V]int
	all     bdd.Node // the packets of all values
}

// write notes that packets have a value.
func (v *values[V]) write(g *bdd.Graph, value V, packets bdd.Node) {
	if again := g.And(v.all, packets); again != bdd.False {
		for i := range v.packets {
			v.packets[i] = g.Without(v.packets[i], again)
		}
	}
	at, known := v.at[value]
	if !known {
		if v.at == nil {
			v.at = map[V]int{}
		}
		at, v.at[value] = len(v.written), len(v.written)
		v.written, v.packets = append(v.written, value), append(v.packets, bdd.False)
	}
	v.packets[at] = g.Or(v.packets[at], packets)
	v.all = g.Or(v.all, packets)
}

// where are the packets with a value of which something is true.
func (v *values[V]) where(g *bdd.Graph, is func(V) bool) bdd.Node {
	var some []bdd.Node
	for i, value := range v.written {
		if is(value) {
			some = append(some, v.packets[i])
		}
	}
	if len(some) == len(v.written) {
		return v.all
	}
	return union(g, some)
}

// union is true where any is: of halves of halves, so that no diagram is copied as often as
// there are functions.
func union(g *bdd.Graph, all []bdd.Node) bdd.Node {
	switch len(all) {
	case 0:
		return bdd.False
	case 1:
		return all[0]
	}
	half := len(all) / 2
	return g.Or(union(g, all[:half]), union(g, all[half:]))
}

// fieldSet is some fields, one a bit.
type fieldSet uint32

// asks notes that a question is about a field.
func (w *walk) asks(f Field) { w.looked |= 1 << f }

// wrote notes that rules have written a field of packets.
func (w *walk) wrote(f Field, packets bdd.Node) {
	if packets == bdd.False {
		return
	}
	w.rewritten[f] = w.g.Or(w.rewritten[f], packets)
	w.versions++
	w.version[f], w.changes = w.versions, w.versions
}

// versionOf is the last version of some fields.
func (w *walk) versionOf(fields fieldSet) (last int) {
	if w.changes == asItCame {
		return asItCame
	}
	for left := fields; left != 0; left &= left - 1 {
		last = max(last, w.version[bits.TrailingZeros32(uint32(left))])
	}
	return last
}

// asItCame is the version of a field that no rule has written.
const asItCame = 0

// addressWithin is true where the address of packets is in a prefix now.
func (w *walk) addressWithin(f Field, p netip.Prefix) bdd.Node {
	return w.addressed(f, w.within(w.now[f], p), p.Contains)
}

// addressAmong is addressWithin for the addresses from first to last.
func (w *walk) addressAmong(f Field, first, last netip.Addr) bdd.Node {
	return w.addressed(f, w.withinRange(w.now[f], first, last), func(a netip.Addr) bool {
		return a.BitLen() == first.BitLen() && first.Compare(a) <= 0 && a.Compare(last) <= 0
	})
}

// addressed is came where DNAT has not led packets to another address, of which has tells.
func (w *walk) addressed(f Field, came bdd.Node, has func(netip.Addr) bool) bdd.Node {
	w.asks(f)
	if f != Destination || w.led.all == bdd.False {
		return came
	}
	return w.g.Choose(w.led.all, w.led.where(w.g, has), came)
}

// fieldWithin is true where a field is a number from first to last now.
func (w *walk) fieldWithin(f Field, first, last uint64) bdd.Node {
	seen := w.seen(f)
	came := bdd.False
	if first == last {
		came = w.equal(seen, first)
	} else {
		came = w.between(seen, first, last)
	}
	if f != DestinationPort || w.sent.all == bdd.False {
		return came
	}
	return w.g.Choose(w.sent.all, w.sent.where(w.g, func(port uint64) bool { return first <= port && port <= last }), came)
}
