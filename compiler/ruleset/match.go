package ruleset

import (
	"net/netip"
	"time"
)

// Match is one condition on a packet. The types below are the only ones.
type Match interface{ match() }

// Protocol is a transport protocol as the kernel names it in rules.
type Protocol string

// The protocols that rulesets match.
const (
	TCP    Protocol = "tcp"
	UDP    Protocol = "udp"
	ICMP   Protocol = "icmp"
	ICMPv6 Protocol = "ipv6-icmp"
	IGMP   Protocol = "igmp"
)

// PortRange is an inclusive range of ports; First equals Last for one port.
type PortRange struct{ First, Last uint16 }

// Single reports whether the range is one port.
func (r PortRange) Single() bool { return r.First == r.Last }

// Source matches the source address.
type Source struct{ Prefix netip.Prefix }

// Destination matches the destination address.
type Destination struct{ Prefix netip.Prefix }

// Interface matches the interface that a packet came in by.
type Interface struct{ Name string }

// Proto matches the protocol, or with Not every other. It is before a match
// that needs it.
type Proto struct {
	Protocol Protocol
	Not      bool
}

// Ports matches source and destination ports of Protocol. Either side may be
// empty, not both; more than one range is matched by multiport, which takes 15
// ports, a range counting two, and one side only.
type Ports struct {
	Protocol            Protocol
	Source, Destination []PortRange
	// Listed has multiport match one range of destinations too. Beside TCPFlags,
	// iptables-nft would save the port and the flags as one match.
	Listed bool
}

// Flag is a set of TCP header flags.
type Flag uint8

// The flags that iptables can match, in the order in which it prints them.
const (
	FIN Flag = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	// AllFlags is every flag that iptables can match.
	AllFlags = FIN | SYN | RST | PSH | ACK | URG
)

// TCPFlags matches segments in which, of the flags in Mask, exactly those in
// Set are on.
type TCPFlags struct {
	Mask, Set Flag
	Not       bool
}

// OriginalPort matches packets of a connection of Protocol whose first packet
// was sent to one of the ports, whatever port a NAT has made of it since
// (ctorigdstport of the kernel's xt_conntrack).
type OriginalPort struct {
	Protocol Protocol
	Ports    PortRange
}

// TCPWindow matches TCP segments whose window, as it is in the header, is at
// most Most. Of IPv6 it sees segments without extension headers only; Extended
// matches the others.
type TCPWindow struct {
	Family Family
	Most   uint16
}

// TCPStart matches TCP segments with this window whose first option is a maximum
// segment size of this many bytes. Of IPv6 it sees segments without extension
// headers only.
type TCPStart struct {
	Family              Family
	Window, SegmentSize uint16
}

// MayFragment matches IPv4 packets without the flag "don't fragment", DF (RFC
// 791, section 3.1).
type MayFragment struct{}

// TCPOption matches TCP segments that carry, or with Not do not carry, an option
// of the kind (RFC 9293, section 3.2).
type TCPOption struct {
	Kind uint8
	Not  bool
}

// Extended matches IPv6 packets that have extension headers before TCP.
type Extended struct{}

// IPOptions matches IPv4 packets whose header carries options (RFC 791, section 3.1).
type IPOptions struct{}

// NextHeader matches IPv6 packets whose first header behind that of IPv6 has this
// number. Proto does not see what the kernel takes for an extension header, such as AH.
type NextHeader struct{ Number uint8 }

// ICMPType matches the type of an ICMP or ICMPv6 message, and its code if
// HasCode is true.
type ICMPType struct {
	Family  Family
	Type    uint8
	Code    uint8
	HasCode bool
}

// HopLimit matches the hop limit of an IPv6 packet.
type HopLimit struct{ Equal uint8 }

// HopsLeft matches packets whose time to live, or hop limit, is at most Most.
type HopsLeft struct {
	Family Family
	Most   uint8
}

// Longer matches packets that are longer than so many bytes, with their IP header.
// Of a jumbogram (RFC 2675) it knows nothing.
type Longer struct {
	Family Family
	Than   uint16
}

// State is a set of conntrack states.
type State uint8

// The conntrack states, in the order in which iptables prints them. A
// connection whose destination a NAT has rewritten is in StateDNAT beside
// another state.
const (
	StateInvalid State = 1 << iota
	StateNew
	StateRelated
	StateEstablished
	StateUntracked
	StateDNAT
)

// ConnState matches packets whose connection is, or with Not is not, in one of
// the states. A packet of no known connection is StateInvalid. Confirmed asks
// in addition that a packet of it has been let through before.
type ConnState struct {
	States    State
	Not       bool
	Confirmed bool
}

// Status is how far a connection has come, as conntrack names it.
type Status string

// The statuses that rulesets use.
const (
	// StatusConfirmed is that of a connection of which a packet was let through.
	StatusConfirmed Status = "CONFIRMED"
	// StatusReplied is that of one to which the other side has said something.
	StatusReplied Status = "SEEN_REPLY"
	// StatusAssured is that of one on which both sides have agreed.
	StatusAssured Status = "ASSURED"
)

// ConnStatus matches packets whose connection has, or with Not has not, come so
// far. Of an ICMP error it is the connection of the packet that the error is about.
// A packet of no known connection matches neither way (conntrack_mt in the kernel's
// xt_conntrack.c).
type ConnStatus struct {
	Status Status
	Not    bool
}

// Socket matches packets that a socket of this host waits for. Without
// Wildcard, one that is bound to no address of its own does not count; a listener
// that is bound to one does, as a connection does.
type Socket struct{ Wildcard bool }

// ConnAssured matches the packets that a connection's first side sends once
// both sides have agreed on it: of TCP, after the three steps of its opening,
// which a forged source cannot take.
type ConnAssured struct{}

// ConnOriginal matches packets in the direction of the connection's first.
type ConnOriginal struct{}

// ConnReply matches packets in the other direction, and ICMP errors that go there.
type ConnReply struct{}

// Direction says which address of a packet is looked up in a set.
type Direction string

// The directions that rulesets use; a hash:ip,port set takes two dimensions.
const (
	ToSource         Direction = "src"
	ToSourceAndDPort Direction = "src,dst"
	ToSourceAndSPort Direction = "src,src"

	ToDestination         Direction = "dst"
	ToDestinationAndDPort Direction = "dst,dst"
)

// InSet matches packets whose address is, or with Not is not, in the set.
//
// In a set with Counters each look counts the packet, in the entry that it
// finds, unless Uncounted says that this one does not. Above matches from the
// packet on by which the entry has counted more than so many (ip_set_match_extensions
// in the kernel's ip_set_core.c counts, then compares); 0 asks for the address alone.
type InSet struct {
	Set       string
	Direction Direction
	Not       bool
	Uncounted bool
	Above     uint32
}

// Unit is the time that a Rate is counted over.
type Unit string

// The units that the kernel's limits know.
const (
	PerSecond Unit = "sec"
	PerMinute Unit = "min"
	PerHour   Unit = "hour"
	PerDay    Unit = "day"
)

// Duration is the length of the unit.
func (u Unit) Duration() time.Duration {
	switch u {
	case PerMinute:
		return time.Minute
	case PerHour:
		return time.Hour
	case PerDay:
		return 24 * time.Hour
	}
	return time.Second
}

// Rate is a token bucket: Burst tokens at most, Count more per Unit.
type Rate struct {
	Count uint32
	Unit  Unit
	Burst uint32
}

// SourceRate matches packets by the rate of their source: those above it, or
// with UpTo those within. The kernel keeps one table for each Name.
type SourceRate struct {
	Name   string
	Rate   Rate
	UpTo   bool
	Prefix int // length to which sources are cut
	// Ports counts each destination port of a source by itself.
	Ports bool
	// TableMax is the most sources counted; a full table matches every new one.
	TableMax uint32
	// Expire is how long an idle source is remembered.
	Expire time.Duration
}

// Limit matches packets within a rate that all share.
type Limit struct{ Rate Rate }

// RecentAction is what a Recent match does with its list.
type RecentAction string

// The actions that rulesets use.
const (
	// RecentSet records the packet's source; it always matches.
	RecentSet RecentAction = "set"
	// RecentCheck matches when the source was seen often enough.
	RecentCheck RecentAction = "rcheck"
)

// Recent matches by the list Name of sources seen. Window and Hits count for
// RecentCheck: at least Hits packets within Window.
type Recent struct {
	Action RecentAction
	Name   string
	Window time.Duration
	Hits   uint8
	Prefix int // length to which sources are cut
}

// ConnLimit matches when a source has more than Above open connections.
type ConnLimit struct {
	Above  uint32
	Prefix int // length to which sources are cut
}

// AddressType matches packets from or to an address of one of the kinds, such
// as "LOCAL", "BROADCAST" and "MULTICAST", or with Not of none of them. One of the two
// lists is empty.
type AddressType struct {
	Source, Destination []string
	Not                 bool
}

func (Source) match()       {}
func (Interface) match()    {}
func (Proto) match()        {}
func (Ports) match()        {}
func (OriginalPort) match() {}
func (TCPFlags) match()     {}
func (TCPWindow) match()    {}
func (TCPStart) match()     {}
func (MayFragment) match()  {}
func (TCPOption) match()    {}
func (Extended) match()     {}
func (IPOptions) match()    {}
func (NextHeader) match()   {}
func (Destination) match()  {}
func (ICMPType) match()     {}
func (HopLimit) match()     {}
func (HopsLeft) match()     {}
func (Longer) match()       {}
func (ConnState) match()    {}
func (ConnAssured) match()  {}
func (ConnOriginal) match() {}
func (ConnReply) match()    {}
func (ConnStatus) match()   {}
func (InSet) match()        {}
func (SourceRate) match()   {}
func (Limit) match()        {}
func (Recent) match()       {}
func (ConnLimit) match()    {}
func (AddressType) match()  {}
func (Socket) match()       {}
