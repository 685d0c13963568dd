package prober

import (
	"encoding/binary"
	"net/netip"
)

// Flags are the control bits of a TCP header (RFC 9293, section 3.1).
type Flags uint8

// The control bits.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
)

// IP protocol numbers.
const (
	icmp   = 1
	tcp    = 6
	udp    = 17
	icmpv6 = 58
)

// Packet is one packet to send: TCP, or a UDP datagram.
// Both addresses are of one family. The source need not be one of the host's.
type Packet struct {
	From, To netip.AddrPort
	UDP      bool
	Flags    Flags
	// Maker is what it is made like.
	Maker Maker
	// Fragments cuts it into pieces of 8 bytes, as nmap's -f does, so that no
	// piece holds all of the TCP header. Only IPv4 packets are cut.
	Fragments bool
	// HopLimit is the time to live, or the hop limit; 0 means 64.
	HopLimit uint8
	// Payload is how many bytes follow the header of TCP or UDP; a datagram has at
	// least one. No router may fragment a packet that has a payload.
	Payload int
}

// bytes returns the packet from its IP header on.
func (p Packet) bytes() []byte {
	segment, protocol := p.segment(), uint8(tcp)
	if p.UDP {
		segment, protocol = p.datagram(), udp
	}
	check := 16 // of the checksum in a TCP header
	if p.UDP {
		check = 6
	}
	sum := checksum(segment, p.pseudo(protocol, len(segment)))
	if p.UDP && sum == 0 {
		sum = 0xffff // 0 would say that there is no checksum (RFC 768)
	}
	binary.BigEndian.PutUint16(segment[check:], sum)
	return append(p.header(protocol, len(segment)), segment...)
}

func (p Packet) segment() []byte {
	var options []byte
	window := uint16(1024)
	if p.Flags&SYN != 0 {
		options, window = syns[p.Maker].options, syns[p.Maker].window
	}
	b := make([]byte, 20, 20+len(options))
	binary.BigEndian.PutUint16(b[0:], p.From.Port())
	binary.BigEndian.PutUint16(b[2:], p.To.Port())
	binary.BigEndian.PutUint32(b[4:], 0x5eed0000+uint32(p.To.Port()))
	if p.Flags&ACK != 0 {
		binary.BigEndian.PutUint32(b[8:], 0x0acc0000)
	}
	b[12] = uint8(20+len(options)) / 4 << 4
	b[13] = uint8(p.Flags)
	binary.BigEndian.PutUint16(b[14:], window)
	return append(append(b, options...), make([]byte, p.Payload)...)
}

func (p Packet) datagram() []byte {
	b := make([]byte, 8+max(1, p.Payload))
	binary.BigEndian.PutUint16(b[0:], p.From.Port())
	binary.BigEndian.PutUint16(b[2:], p.To.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	b[8] = '?'
	return b
}

// header returns an IPv4 header without options, or an IPv6 header.
func (p Packet) header(protocol uint8, length int) []byte {
	if p.To.Addr().Is4() {
		b := make([]byte, 20, 20+length)
		b[0] = 4<<4 | 5
		binary.BigEndian.PutUint16(b[2:], uint16(20+length))
		if p.Maker == Linux || p.Payload > 0 {
			b[6] = 0x40 // don't fragment
		}
		b[8], b[9] = p.hopLimit(), protocol
		copy(b[12:], p.From.Addr().AsSlice())
		copy(b[16:], p.To.Addr().AsSlice())
		binary.BigEndian.PutUint16(b[10:], checksum(b, 0))
		return b
	}
	b := make([]byte, 40, 40+length)
	b[0] = 6 << 4
	binary.BigEndian.PutUint16(b[4:], uint16(length))
	b[6], b[7] = protocol, p.hopLimit()
	copy(b[8:], p.From.Addr().AsSlice())
	copy(b[24:], p.To.Addr().AsSlice())
	return b
}

func (p Packet) hopLimit() uint8 {
	if p.HopLimit == 0 {
		return 64
	}
	return p.HopLimit
}

// pseudo is the sum over the pseudo header (RFC 9293, section 3.1; RFC 8200,
// section 8.1).
func (p Packet) pseudo(protocol uint8, length int) uint32 {
	return add(p.From.Addr().AsSlice(), add(p.To.Addr().AsSlice(), uint32(protocol)+uint32(length)))
}

func checksum(b []byte, sum uint32) uint16 {
	sum = add(b, sum)
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

func add(b []byte, sum uint32) uint32 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}
