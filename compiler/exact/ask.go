package exact

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Sets of packets for those who hold rules to something else than rules.

// Between are the packets with a number from first to last in a field.
func (w *World) Between(f Field, first, last uint64) bdd.Node {
	return w.between(w.bits(f), first, last)
}

// Is are the packets with a value in a field.
func (w *World) Is(f Field, value uint64) bdd.Node { return w.equal(w.bits(f), value) }

// InState are the packets that have one of some states of conntrack, such as "NEW", before
// any rule.
func (w *World) InState(names ...string) bdd.Node {
	any := bdd.False
	for _, name := range names {
		any = w.g.Or(any, w.Is(State, states[name]))
	}
	return any
}

// Protocol are the packets of a protocol by its name, such as "tcp".
func (w *World) Protocol(name string) bdd.Node { return w.Is(Protocol, protocols[name]) }

// ICMP are the messages of a type, of the ICMP of the family.
func (w *World) ICMP(kind uint64) bdd.Node {
	return w.g.And(w.Is(Protocol, icmpOf(w.Family)), w.Is(ICMPType, kind))
}

// By are the packets that come in by an interface, or leave by it if f is Out. A "+" at the
// end means any that begins so. An interface that no rule names is none of them.
func (w *World) By(f Field, name string) bdd.Node {
	named, _ := interfaceNamed(f)(name)
	return named(&walk{World: w, now: w.plainBits()})
}

// Among are the packets whose source, or destination, is one of some addresses.
func (w *World) Among(f Field, members netset.Set) bdd.Node {
	prefixes := members.V4()
	if w.Family == ruleset.V6 {
		prefixes = members.V6()
	}
	if len(prefixes) <= fewPrefixes {
		return w.withinAny(w.bits(f), prefixes)
	}
	return w.listed("", netset.Of(prefixes...), f)
}

// ToBroadcast are the packets to a broadcast address of the host's networks.
func (w *World) ToBroadcast() bdd.Node {
	return (&walk{World: w, now: w.plainBits()}).addressIs(Destination, "BROADCAST")
}

// Member are the packets that are in a kernel set of a firewall before any rule.
func (w *World) Member(f *Firewall, l Lookup) bdd.Node {
	k := &walk{World: w, f: f, now: w.plainBits()}
	k.fresh()
	return k.membership(l.Name, l.Direction)
}

// Asked are the packets for which a match holds that is a Fact, in the words of the rule.
func (w *World) Asked(match string) bdd.Node { return w.fact(Fact{Kind: Asked, Text: match}) }

// First are the packets with which connections begin, and those that belong to none and
// are not invalid.
func (w *World) First() bdd.Node { return w.first() }

// Usually are the packets that are in a set in the usual state of the host, in which some
// facts hold beside. Which addresses are in a list is not a state.
func (w *World) Usually(n bdd.Node, facts ...bdd.Node) bdd.Node {
	usual, holds := w.usual(Packet{}), map[int]bool{}
	for _, f := range facts {
		variable, _, _, _ := w.g.Node(f)
		holds[variable] = true
	}
	return w.g.Where(n, func(v int) bdd.Value {
		isList := slices.ContainsFunc(w.lists, func(l list) bool { return l.variable == v })
		if !w.IsFact(v) || isList {
			return bdd.Unknown
		}
		return bdd.Of(usual(v) || holds[v])
	})
}

// Opening are the TCP segments that open a connection.
func (w *World) Opening() bdd.Node {
	syn, _ := flagSet("SYN")
	handshake, _ := flagSet("FIN,SYN,RST,ACK")
	return w.g.And(w.Protocol("tcp"), w.masked(w.bits(Flags), syn, handshake))
}

// Ongoing are the packets by which open connections of other hosts go on. Echo requests have
// their limit in each connection, and are none of them.
func (w *World) Ongoing() bdd.Node {
	open := w.g.And(w.Possible(), w.InState("ESTABLISHED"), w.Is(Fragment, 0))
	return w.g.Without(open, w.g.Or(w.Opening(), w.ICMP(8), w.ICMP(128), w.By(In, loopback)))
}

// ToOne are the packets to one host: not to all of a network, nor to a group.
func (w *World) ToOne() bdd.Node {
	k := &walk{World: w, now: w.plainBits()}
	return w.g.Not(w.g.Or(k.addressAsSentIs(Destination, "BROADCAST"), k.addressAsSentIs(Destination, "MULTICAST")))
}

// Fills returns the sets into which a firewall puts a packet, and those out of which it
// takes it, where conditions hold and everything else is as usual.
func (w *World) Fills(f *Firewall, hook Hook, p Packet, conditions []Condition) (added, removed []Lookup) {
	x, is := w.follow(f, hook, p, conditions)
	in := func(sets map[Lookup]bdd.Node) (all []Lookup) {
		for key, n := range sets {
			if w.g.Holds(n, is) {
				all = append(all, key)
			}
		}
		return all
	}
	return in(x.result.Added), in(x.result.Removed)
}

// Decide returns what a firewall does with a packet where conditions hold and everything
// else is as usual, and the rule by which.
func (w *World) Decide(f *Firewall, hook Hook, p Packet, conditions []Condition) Decided {
	return w.decided(f, hook, p, conditions)
}

// plainBits are the bits of packets before any rule.
func (w *World) plainBits() (now [fieldCount][]bdd.Node) {
	for f := range fieldCount {
		now[f] = w.bits(f)
	}
	return now
}

// Matching are the packets for which all matches of a rule hold, before any rule.
func (w *World) Matching(f *Firewall, id RuleID) bdd.Node {
	if w.loaded[f] == nil {
		w.loaded[f] = w.load(f)
	}
	k := &walk{World: w, f: f, now: w.plainBits()}
	k.fresh()
	for _, r := range w.loaded[f].chains[place{id.Table, id.Chain}] {
		if r.id == id {
			n := r.fixed(k)
			for _, q := range r.moving {
				n = w.g.And(n, q(k))
			}
			return n
		}
	}
	return bdd.False
}
