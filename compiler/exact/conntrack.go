package exact

import (
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// states are conntrack's names of the values of State.
var states = map[string]uint64{
	"NEW": newState, "ESTABLISHED": establishedState, "RELATED": relatedState, "INVALID": invalidState, "UNTRACKED": untrackedState,
}

// marksOf are what conntrack's words say of a connection, as bits.
var marksOf = map[string]Field{
	"EXPECTED": Expected, "SEEN_REPLY": Replied, "ASSURED": Assured, "CONFIRMED": Confirmed, "SNAT": SourceNAT, "DNAT": DestinationNAT,
}

// tracked is true for packets that have a connection.
func (w *walk) tracked() bdd.Node { return w.atMost(w.seen(State), relatedState) }

// conntrack is "-m conntrack" and "-m state", as conntrack_mt in the kernel's
// xt_conntrack.c has it: of a packet without a connection it looks at the state alone,
// and without a state to look at it does not match.
func conntrack(options []option) (question, bool) {
	var state question
	var others []question
	for _, o := range options {
		q, ok := conntrackOption(o)
		if !ok {
			return nil, false
		}
		if o.not {
			q = denied(q)
		}
		if o.name == "--ctstate" || o.name == "--state" {
			state = q
		} else {
			others = append(others, q)
		}
	}
	return func(w *walk) bdd.Node {
		rest := every(others)(w)
		if state == nil {
			return w.g.And(w.tracked(), rest)
		}
		return w.g.And(state(w), w.g.Choose(w.tracked(), rest, bdd.True))
	}, len(options) > 0
}

// conntrackOption returns what one option asks of a packet with a connection.
func conntrackOption(o option) (question, bool) {
	if len(o.values) != 1 {
		return nil, false
	}
	value := o.values[0]
	switch o.name {
	case "--ctstate", "--state":
		return anyOf(value, stateNamed)
	case "--ctstatus":
		return anyOf(value, func(name string) (question, bool) {
			f, ok := marksOf[name]
			return fieldIs(f, 1), ok && name != "SNAT" && name != "DNAT"
		})
	case "--ctdir":
		if value == "REPLY" {
			return fieldIs(Direction, 1), true
		}
		return fieldIs(Direction, 0), value == "ORIGINAL"
	}
	fact := Fact{Kind: Asked, Text: "-m conntrack " + o.name + " " + value}
	began, reply, reads := asBegun(o.name)
	if !reads {
		return func(w *walk) bdd.Node { return w.fact(fact) }, true
	}
	low, high, isRange := strings.Cut(value, ":")
	if !isRange {
		high = low
	}
	first, ok := number(low, 16)
	last, ok2 := number(high, 16)
	return func(w *walk) bdd.Node {
		port := w.g.Choose(w.equal(w.came[Direction], 0), w.between(w.came[began], first, last), w.between(w.came[reply], first, last))
		return w.g.Choose(w.plainFlow(), port, w.fact(fact))
	}, ok && ok2 && first <= last
}

// asBegun returns the fields of a packet that have a port of the connection's first packet:
// of one that goes the same way, and of one that comes back.
func asBegun(option string) (began, reply Field, ok bool) {
	switch option {
	case "--ctorigsrcport":
		return SourcePort, DestinationPort, true
	case "--ctorigdstport":
		return DestinationPort, SourcePort, true
	}
	return 0, 0, false
}

// plainFlow is true for packets whose ports came as those of the connection are: it has
// ports, is not that of another packet, and no packet before this was translated.
func (w *walk) plainFlow() bdd.Node {
	ports := bdd.False
	for _, protocol := range protocols {
		if hasPorts(protocol) {
			ports = w.g.Or(ports, w.equal(w.came[Protocol], protocol))
		}
	}
	return w.g.And(ports, w.atMost(w.came[State], establishedState), w.equal(w.came[SourceNAT], 0), w.equal(w.came[DestinationNAT], 0))
}

func stateNamed(name string) (question, bool) {
	if number, ok := states[name]; ok {
		return fieldIs(State, number), true
	}
	f, ok := marksOf[name]
	return func(w *walk) bdd.Node { return w.g.And(w.tracked(), w.equal(w.seen(f), 1)) }, ok && (name == "SNAT" || name == "DNAT")
}

func anyOf(list string, named func(string) (question, bool)) (question, bool) {
	var any []question
	for name := range strings.SplitSeq(list, ",") {
		q, ok := named(name)
		if !ok {
			return nil, false
		}
		any = append(any, q)
	}
	return either(any), true
}

// Possible are the packets that the kernel's rules can meet: each row of bits beside
// them is none. The states are those that conntrack gives before any rule.
func (w *World) Possible() bdd.Node {
	if w.possible == bdd.False {
		w.possible = w.states()
	}
	return w.possible
}

// states is Possible, worked out.
func (w *World) states() bdd.Node {
	g, state := w.g, w.bits(State)
	is := func(f Field, value uint64) bdd.Node { return w.equal(w.bits(f), value) }
	all := w.atMost(state, untrackedState)
	implies := func(a, b bdd.Node) { all = g.And(all, g.Choose(a, b, bdd.True)) }
	for _, f := range []Field{In, Out} {
		all = g.And(all, w.atMost(w.bits(f), uint64(len(w.interfaces))))
	}
	if w.Family == 4 {
		implies(is(State, untrackedState), bdd.False)
	}
	// resolve_normal_ct of nf_conntrack_core.c: NEW is what no reply was seen of.
	implies(is(State, newState), g.And(is(Direction, 0), is(Replied, 0), is(Expected, 0)))
	implies(is(State, establishedState), is(Replied, 1))
	implies(is(Assured, 1), is(Replied, 1))
	w.tcpStates(implies)
	w.icmpStates(implies)
	return all
}

// tcpStates are what nf_conntrack_proto_tcp.c says of flags: tcp_valid_flags, and the
// row of tcp_conntracks for packets of no connection (nf_conntrack_tcp_loose is on).
func (w *World) tcpStates(implies func(a, b bdd.Node)) {
	g := w.g
	tcp := w.equal(w.bits(Protocol), tcpProtocol)
	on := func(names string) bdd.Node {
		looked, _ := flagSet("FIN,SYN,RST,ACK,URG")
		set, _ := flagSet(names)
		return w.masked(w.bits(Flags), set, looked)
	}
	valid := bdd.False
	for _, names := range []string{"SYN", "SYN,URG", "SYN,ACK", "RST", "RST,ACK", "FIN,ACK", "FIN,ACK,URG", "ACK", "ACK,URG"} {
		valid = g.Or(valid, on(names))
	}
	tracked := w.atMost(w.bits(State), relatedState)
	implies(g.And(tcp, tracked), valid)
	first := g.Or(on("SYN"), on("SYN,URG"), on("ACK"), on("ACK,URG"))
	implies(g.And(tcp, w.equal(w.bits(State), newState), w.equal(w.bits(Confirmed), 0)), first)
}

// icmpStates are which messages begin a connection (nf_conntrack_proto_icmp.c and
// nf_conntrack_proto_icmpv6.c), and those of IPv6's own work, which are never tracked.
func (w *World) icmpStates(implies func(a, b bdd.Node)) {
	protocol, first, never := uint64(icmpProtocol), []uint64{8, 13, 15, 17}, []uint64(nil)
	if w.Family == 6 {
		protocol, first, never = icmpv6Protocol, []uint64{128, 139}, []uint64{130, 131, 132, 133, 134, 135, 136, 143}
	}
	icmp, begins, own := w.equal(w.bits(Protocol), protocol), bdd.False, bdd.False
	for _, kind := range first {
		begins = w.g.Or(begins, w.equal(w.bits(ICMPType), kind))
	}
	for _, kind := range never {
		own = w.g.Or(own, w.equal(w.bits(ICMPType), kind))
	}
	implies(w.g.And(icmp, w.equal(w.bits(State), newState)), begins)
	// An error belongs to the connection of the packet that it is about, or to none.
	of := w.g.Or(w.equal(w.bits(State), relatedState), w.equal(w.bits(State), invalidState))
	implies(w.g.And(icmp, w.icmpErrors()), of)
	own = w.g.And(icmp, own)
	untracked := w.equal(w.bits(State), untrackedState)
	if w.Family == 6 {
		implies(own, untracked)
		implies(untracked, own)
	}
}

// Fresh are the packets that belong to no connection that the kernel knows, with the
// state that conntrack gives them.
func (w *World) Fresh() bdd.Node {
	g, is := w.g, func(f Field, value uint64) bdd.Node { return w.equal(w.bits(f), value) }
	all := w.Possible()
	for _, f := range []Field{Direction, Expected, Replied, Assured, Confirmed, SourceNAT, DestinationNAT, Fragment} {
		all = g.And(all, is(f, 0))
	}
	all = g.Without(all, g.Or(is(State, establishedState), is(State, relatedState)))
	// What can be NEW, is: with the bits of no connection, Possible leaves the choice
	// between NEW and INVALID only where both can be.
	can := g.Any(g.And(all, is(State, newState)), func(v int) bool { f, _ := w.FieldOf(v); return f == State })
	return g.Without(all, g.And(can, is(State, invalidState)))
}

// icmpErrors are the types of errors (icmp_error of nf_conntrack_proto_icmp.c; of IPv6 all
// below 128).
func (w *World) icmpErrors() bdd.Node {
	if w.Family == 6 {
		return w.atMost(w.bits(ICMPType), 127)
	}
	all := bdd.False
	for _, kind := range []uint64{3, 4, 5, 11, 12} {
		all = w.g.Or(all, w.equal(w.bits(ICMPType), kind))
	}
	return all
}
