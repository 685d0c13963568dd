package prober

import (
	"encoding/binary"
	"net/netip"
)

// State is what an answer tells about a port.
type State uint8

// The states, in nmap's words where it has them.
const (
	Silent State = iota // nothing came back: "filtered", or "open|filtered"
	Closed              // a reset, or an ICMP error: a host is there
	Open                // SYN and ACK, or a datagram
)

// String returns "silent", "closed" or "open".
func (s State) String() string { return [...]string{"silent", "closed", "open"}[s] }

// answer is a packet that came in, as a state of the port that was probed.
type answer struct {
	port  netip.AddrPort // the one that was probed
	to    netip.AddrPort // the source of the probe
	state State
}

// parseAnswer reads a packet from its IP header on. What is not an answer to
// a Packet is not ok; nothing in it is trusted.
func parseAnswer(b []byte) (a answer, ok bool) {
	p, ok := parseIP(b)
	switch {
	case !ok:
	case p.protocol == tcp && len(p.payload) >= 14:
		a.port, a.to = p.ends()
		flags := Flags(p.payload[13])
		a.state = Closed
		if flags&(SYN|ACK|RST) == SYN|ACK {
			a.state = Open
		}
		return a, a.state == Open || flags&RST != 0
	case p.protocol == udp && len(p.payload) >= 8:
		a.port, a.to = p.ends()
		a.state = Open
		return a, true
	case p.isError():
		return parseError(p.payload[8:])
	}
	return a, false
}

// isError reports whether a packet is an ICMP error that answers a packet: that
// something is not reached (3, in ICMPv6 1), that the packet was too long (ICMPv6 2) or
// its hops used up (11, in ICMPv6 3).
func (p ipPacket) isError() bool {
	if len(p.payload) <= 8 {
		return false
	}
	kind := p.payload[0]
	return p.protocol == icmp && (kind == 3 || kind == 11) || p.protocol == icmpv6 && 1 <= kind && kind <= 3
}

// parseError reads the packet of ours that an ICMP error quotes.
func parseError(quoted []byte) (a answer, ok bool) {
	p, ok := parseIP(quoted)
	if !ok || p.protocol != tcp && p.protocol != udp || len(p.payload) < 4 {
		return a, false
	}
	a.to, a.port = p.ends()
	a.state = Closed
	return a, true
}

// ipPacket is an IP packet with what its header says.
type ipPacket struct {
	from, to netip.Addr
	protocol uint8
	payload  []byte
}

// ends returns the source and destination of a TCP or UDP packet.
func (p ipPacket) ends() (from, to netip.AddrPort) {
	return netip.AddrPortFrom(p.from, binary.BigEndian.Uint16(p.payload)),
		netip.AddrPortFrom(p.to, binary.BigEndian.Uint16(p.payload[2:]))
}

func parseIP(b []byte) (p ipPacket, ok bool) {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		length := int(b[0]&15) * 4
		if length < 20 || len(b) < length {
			return p, false
		}
		return ipPacket{netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[9], b[length:]}, true
	case len(b) >= 40 && b[0]>>4 == 6:
		return ipPacket{netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40])), b[6], b[40:]}, true
	}
	return p, false
}
