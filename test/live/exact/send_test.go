package exact

import (
	"encoding/binary"
	"net/netip"

	"github.com/hardenctl/hardenctl/compiler/exact"
)

// Numbers of protocols.
const tcp, udp, icmp, icmpv6 = 6, 17, 1, 58

// shape is what a packet has beside its fields: the facts of a TCP segment.
type shape struct {
	window      uint16
	options     []byte
	mayFragment bool
	extended    bool // headers are between those of IPv6 and of TCP
	ipOptions   bool // the IPv4 header has options
}

// The options of a first segment as systems send them: segment size, SACK permitted,
// timestamps, window scale. The size is none that a scanner is known by.
var usualOptions = map[byte][]byte{2: {2, 4, 1400 >> 8, 1400 & 0xff}, 4: {4, 2}, 8: {8, 10, 0, 0, 0, 1, 0, 0, 0, 0}, 3: {3, 3, 7}}

// shaped returns the shape in which conditions hold, and those that are not of the shape.
func shaped(conditions []exact.Condition) (s shape, rest []exact.Condition) {
	s = shape{window: 64240}
	without := map[byte]bool{}
	for _, c := range conditions {
		switch text := c.String(); text {
		case "the segment has no TCP option 2":
			without[2] = true
		case "the segment has no TCP option 3":
			without[3] = true
		case "the segment has no TCP option 4":
			without[4] = true
		case "the segment has no TCP option 8":
			without[8] = true
		case "the TCP window is at most 1025":
			s.window = 1024
		case "the TCP window is 65535":
			s.window = 65535
		case "extension headers are between the IPv6 header and TCP":
			s.extended = true
		case "the IPv4 header has options":
			s.ipOptions = true
		case "the packet may be fragmented (no DF)":
			s.mayFragment = true
		case "the first TCP option is a segment size of 1460":
			s.options = append(s.options, 2, 4, 1460>>8, 1460&0xff)
			without[2] = true
		default:
			rest = append(rest, c)
		}
	}
	for _, kind := range []byte{2, 4, 8, 3} {
		if !without[kind] {
			s.options = append(s.options, usualOptions[kind]...)
		}
	}
	for len(s.options)%4 != 0 {
		s.options = append(s.options, 1) // NOP
	}
	return s, rest
}

// build is a packet as it is on the wire.
func build(p exact.Packet, s shape) []byte {
	payload := transport(p, s)
	if s.extended {
		const padding = 1 // PadN, of four bytes
		payload = append([]byte{uint8(p.Values[exact.Protocol]), 0, padding, 4, 0, 0, 0, 0}, payload...)
	}
	return append(ipHeader(p, s, len(payload)), payload...)
}

func ipHeader(p exact.Packet, s shape, payload int) []byte {
	limit := uint8(64)
	if p.Has(exact.HopLimit) {
		limit = uint8(p.Values[exact.HopLimit])
	}
	protocol := uint8(p.Values[exact.Protocol])
	if p.Source.Is6() {
		ip := make([]byte, 40)
		ip[0], ip[6], ip[7] = 6<<4|uint8(p.Values[exact.DSCP]>>2), protocol, limit
		ip[1] = uint8(p.Values[exact.DSCP] << 6)
		if s.extended {
			ip[6] = 60 // destination options
		}
		binary.BigEndian.PutUint16(ip[4:], uint16(payload))
		copy(ip[8:], p.Source.AsSlice())
		copy(ip[24:], p.Destination.AsSlice())
		return ip
	}
	ip := make([]byte, 20)
	if s.ipOptions {
		ip = append(ip, 1, 1, 1, 1) // NOP
	}
	ip[0], ip[1], ip[8], ip[9] = 4<<4|uint8(len(ip)/4), uint8(p.Values[exact.DSCP]<<2), limit, protocol
	if !s.mayFragment {
		ip[6] = 0x40
	}
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+payload))
	copy(ip[12:], p.Source.AsSlice())
	copy(ip[16:], p.Destination.AsSlice())
	binary.BigEndian.PutUint16(ip[10:], checksumOf(0, ip))
	return ip
}

// transport is what follows the IP header.
func transport(p exact.Packet, s shape) []byte {
	protocol := p.Values[exact.Protocol]
	var b []byte
	at := 0 // where the checksum is
	switch protocol {
	case tcp:
		b = append(make([]byte, 20), s.options...)
		b[12], b[13], at = uint8(len(b)/4)<<4, uint8(p.Values[exact.Flags]), 16
		binary.BigEndian.PutUint16(b[14:], s.window)
	case udp:
		b, at = make([]byte, 8), 6
	case icmp, icmpv6:
		return message(p)
	default:
		return make([]byte, 20)
	}
	b = append(b, make([]byte, padding(p, len(b)))...)
	if protocol == udp {
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	}
	binary.BigEndian.PutUint16(b[0:], uint16(p.Values[exact.SourcePort]))
	binary.BigEndian.PutUint16(b[2:], uint16(p.Values[exact.DestinationPort]))
	binary.BigEndian.PutUint16(b[at:], checksum(p, b))
	return b
}

// padding is how many bytes a packet is short of the length that it states.
func padding(p exact.Packet, length int) int {
	header := 20
	if p.Source.Is6() {
		header = 40
	}
	return max(int(p.Values[exact.Length])-header-length, 0)
}

// message is an ICMP message. An error has the packet in it that it is about.
func message(p exact.Packet) []byte {
	b := make([]byte, 8)
	b[0], b[1] = uint8(p.Values[exact.ICMPType]), uint8(p.Values[exact.ICMPCode])
	switch {
	case !isError(p):
		binary.BigEndian.PutUint16(b[4:], echoID)
	case p.Values[exact.State] == related:
		b = append(b, build(about(p), shape{})...)
	}
	b = append(b, make([]byte, padding(p, len(b)))...)
	binary.BigEndian.PutUint16(b[2:], checksum(p, b))
	return b
}

// related is conntrack's state of a packet about another connection.
const related = 2

// checksum is that of a packet's transport, with the pseudo header where the protocol has
// one.
func checksum(p exact.Packet, b []byte) uint16 {
	if p.Values[exact.Protocol] == icmp {
		return checksumOf(0, b)
	}
	return checksumOf(uint32(len(b))+uint32(p.Values[exact.Protocol]), b, p.Source.AsSlice(), p.Destination.AsSlice())
}

// checksumOf is that of the Internet (RFC 1071).
func checksumOf(sum uint32, parts ...[]byte) uint16 {
	for _, part := range parts {
		for i := range part {
			sum += uint32(part[i]) << (8 * (1 - i%2))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// sourceOf is the address of the nth witness: of its own /64 for IPv6, by which limits
// and sets count.
func sourceOf(v4 bool, n int) netip.Addr {
	if v4 {
		return netip.AddrFrom4([4]byte{100, 64, byte(n >> 8), byte(n)})
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 9, byte(n >> 8), byte(n), 15: 7})
}
