package prober

import (
	"encoding/binary"
	"slices"
)

// The field of an IPv4 header that says where a fragment belongs (RFC 791,
// section 3.1): a flag for those that others follow, and the place in units of
// fragmentUnit bytes.
const (
	moreFragments = 0x2000
	fragmentUnit  = 8
)

// pieces returns the packet as it is sent: whole, or in fragments.
func (p Packet) pieces() [][]byte {
	whole := p.bytes()
	if !p.Fragments || !p.To.Addr().Is4() {
		return [][]byte{whole}
	}
	return fragment(whole, p.To.Port())
}

// fragment cuts an IPv4 packet into the smallest fragments that there are. Those
// of one packet carry the same id, by which the other end puts them together.
func fragment(packet []byte, id uint16) (pieces [][]byte) {
	header, payload := packet[:20], packet[20:]
	for at := 0; at < len(payload); at += fragmentUnit {
		end := min(at+fragmentUnit, len(payload))
		place := uint16(at / fragmentUnit)
		if end < len(payload) {
			place |= moreFragments
		}
		b := slices.Concat(header, payload[at:end])
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
		binary.BigEndian.PutUint16(b[4:], id)
		binary.BigEndian.PutUint16(b[6:], place)
		binary.BigEndian.PutUint16(b[10:], 0)
		binary.BigEndian.PutUint16(b[10:], checksum(b[:20], 0))
		pieces = append(pieces, b)
	}
	return pieces
}
