package exact

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Packet is what is stated of a packet. What is not stated can be anything.
type Packet struct {
	Family ruleset.Family
	// Source and Destination are invalid where they are not stated.
	Source, Destination netip.Addr
	// In and Out are interfaces; empty where they are not stated.
	In, Out string
	// Values are the other fields that are stated.
	Values map[Field]uint64
}

// Has reports whether a packet states a field.
func (p Packet) Has(f Field) bool {
	switch f {
	case Source:
		return p.Source.IsValid()
	case Destination:
		return p.Destination.IsValid()
	case In:
		return p.In != ""
	case Out:
		return p.Out != ""
	}
	_, has := p.Values[f]
	return has
}

// Is reports whether a packet is of a protocol.
func (p Packet) Is(protocol uint64) bool { return p.Has(Protocol) && p.Values[Protocol] == protocol }

// icmpOf is the number of ICMP of a family.
func icmpOf(family ruleset.Family) uint64 {
	if family == ruleset.V6 {
		return icmpv6Protocol
	}
	return icmpProtocol
}

// hasPorts reports whether packets of a protocol have ports.
func hasPorts(protocol uint64) bool {
	switch protocol {
	case tcpProtocol, udpProtocol, protocols["sctp"], protocols["dccp"], protocols["udplite"]:
		return true
	}
	return false
}

// Packets are those of which all holds that is stated.
func (w *World) Packets(p Packet) bdd.Node {
	n := w.Possible()
	for f := range fieldCount {
		if p.Has(f) {
			n = w.g.And(n, w.stated(p, f))
		}
	}
	return n
}

// Within are the packets whose source or destination is in a prefix.
func (w *World) Within(f Field, p netip.Prefix) bdd.Node { return w.within(w.bits(f), p) }

// stated are the packets that have a field of p.
func (w *World) stated(p Packet, f Field) bdd.Node {
	switch f {
	case Source, Destination:
		address := p.Source
		if f == Destination {
			address = p.Destination
		}
		return w.within(w.bits(f), netip.PrefixFrom(address, address.BitLen()))
	case In:
		return w.equal(w.bits(f), w.interfaceNumber(p.In))
	case Out:
		return w.equal(w.bits(f), w.interfaceNumber(p.Out))
	}
	return w.equal(w.bits(f), p.Values[f])
}

// interfaceNumber is the value of In and Out for an interface.
func (w *World) interfaceNumber(name string) uint64 {
	best := 0
	for i, known := range w.interfaces {
		switch {
		case known == name:
			return uint64(i + 1)
		case isBeginning(known) && len(known)-1 <= len(name) && name[:len(known)-1] == known[:len(known)-1]:
			if best == 0 || len(w.interfaces[best-1]) < len(known) {
				best = i + 1
			}
		}
	}
	return uint64(best)
}

// isBeginning reports whether a name of an interface in a rule stands for all that begin
// so.
func isBeginning(name string) bool { return len(name) > 0 && name[len(name)-1] == '+' }

// example is the packet that a witness is as near to as can be: of addresses for
// documentation (RFC 5737, RFC 3849), a first SYN, on a host that nothing has
// happened to.
func (w *World) example() Packet {
	p := Packet{Family: w.Family, Source: netip.MustParseAddr("192.0.2.7"), Destination: netip.MustParseAddr("198.51.100.1")}
	if w.Family == ruleset.V6 {
		p.Source, p.Destination = netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("2001:db8:1::1")
	}
	p.Values = map[Field]uint64{Protocol: tcpProtocol, Flags: 2, SourcePort: 40000, DestinationPort: 8080, HopLimit: 64, Length: 60, State: newState}
	return p
}

// plain is the example, with what p states in its place.
func (w *World) plain(p Packet) Packet {
	usual := w.example()
	if p.Source.IsValid() {
		usual.Source = p.Source
	}
	if p.Destination.IsValid() {
		usual.Destination = p.Destination
	}
	for f, value := range p.Values {
		usual.Values[f] = value
	}
	if usual.Values[Protocol] == icmpOf(w.Family) && !p.Has(ICMPType) {
		usual.Values[ICMPType] = icmpNames[int(w.Family)]["echo-request"]
	}
	usual.Values[In], usual.Values[Out] = w.interfaceNumber(p.In), w.interfaceNumber(p.Out)
	return usual
}

// usual returns the usual value of each variable for p.
func (w *World) usual(p Packet) func(variable int) bool {
	usual := w.plain(p)
	source, destination := usual.Source.AsSlice(), usual.Destination.AsSlice()
	return func(variable int) bool {
		f, isField := w.FieldOf(variable)
		if !isField {
			return w.Fact(variable).Usual()
		}
		at := variable - w.fields[f].first
		switch f {
		case Source:
			return source[at/8]>>(7-at%8)&1 == 1
		case Destination:
			return destination[at/8]>>(7-at%8)&1 == 1
		}
		return usual.Values[f]>>(w.fields[f].bits-1-at)&1 == 1
	}
}

// Condition is a Fact that must hold, or must not.
type Condition struct {
	Fact  Fact
	Holds bool
}

// String says what must be.
func (c Condition) String() string {
	if c.Holds {
		return c.Fact.String()
	}
	return c.Fact.Denied()
}

// Witness returns one packet of a set of packets, the plainest, and what must be beside
// what is usual. ok is false if there is none.
func (w *World) Witness(n bdd.Node) (p Packet, conditions []Condition, ok bool) {
	n = w.Settle(n)
	usual := w.usual(Packet{})
	unusual, ok := w.g.Nearest(n, usual, func(v int) bool { return !w.IsFact(v) })
	if !ok {
		return p, nil, false
	}
	turned := map[int]bool{}
	for _, v := range unusual {
		turned[v] = true
		if w.isList(v) {
			n = w.someOf(n, v)
			continue
		}
		conditions = append(conditions, Condition{w.Fact(v), !usual(v)})
	}
	n = w.g.Where(n, func(v int) bdd.Value {
		if !w.IsFact(v) {
			return bdd.Unknown
		}
		return bdd.Of(usual(v) != turned[v])
	})
	slices.SortStableFunc(conditions, func(a, b Condition) int { return cmp.Compare(a.Fact.weight(), b.Fact.weight()) })
	values, _ := w.g.First(n, usual)
	return w.packet(func(v int) bool {
		if value, is := values[v]; is {
			return value
		}
		return usual(v)
	}), conditions, true
}

// packet is the packet of values of all variables, with the fields that its protocol
// has and those that are not usual.
func (w *World) packet(is func(variable int) bool) Packet {
	p := Packet{Family: w.Family, Values: map[Field]uint64{}}
	p.Source, p.Destination = w.addressOf(Source, is), w.addressOf(Destination, is)
	usual := w.example().Values
	protocol := w.value(Protocol, is)
	for f := Protocol; f < fieldCount; f++ {
		value, shown := w.value(f, is), false
		switch f {
		case Protocol, State:
			shown = true
		case Flags:
			shown = protocol == tcpProtocol
		case SourcePort, DestinationPort:
			shown = hasPorts(protocol)
		case ICMPType:
			shown = protocol == icmpOf(w.Family)
		case ICMPCode:
			shown = protocol == icmpOf(w.Family) && value > 0
		case In, Out:
			continue
		default:
			shown = value != usual[f]
		}
		if shown {
			p.Values[f] = value
		}
	}
	p.In, p.Out = w.interfaceOf(w.value(In, is)), w.interfaceOf(w.value(Out, is))
	return p
}

// value is a field of values of all variables.
func (w *World) value(f Field, is func(variable int) bool) (value uint64) {
	for i := range w.fields[f].bits {
		value <<= 1
		if is(w.fields[f].first + i) {
			value |= 1
		}
	}
	return value
}

func (w *World) addressOf(f Field, is func(variable int) bool) netip.Addr {
	bytes := make([]byte, w.fields[f].bits/8)
	for i := range w.fields[f].bits {
		if is(w.fields[f].first + i) {
			bytes[i/8] |= 1 << (7 - i%8)
		}
	}
	a, _ := netip.AddrFromSlice(bytes) // 4 or 16 of them
	return a
}

// interfaceOf is the name of an interface as rules write it; "" for another one.
func (w *World) interfaceOf(number uint64) string {
	if number == 0 || number > uint64(len(w.interfaces)) {
		return ""
	}
	if name := w.interfaces[number-1]; !isBeginning(name) {
		return name
	}
	return w.interfaces[number-1][:len(w.interfaces[number-1])-1] + "0"
}
