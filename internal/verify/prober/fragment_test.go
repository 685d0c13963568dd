package prober

import (
	"encoding/binary"
	"slices"
	"testing"
)

// The pieces of a packet are of 8 bytes, say where they belong, and together
// are what was cut; no piece but the first two holds anything of the ports and
// flags.
func TestFragments(t *testing.T) {
	syn := Packet{From: client4, To: server4, Flags: SYN, Maker: Nmap}
	whole := syn.bytes()
	syn.Fragments = true
	pieces := syn.pieces()
	var together []byte
	for i, b := range pieces {
		last := i == len(pieces)-1
		if want := uint16(i); binary.BigEndian.Uint16(b[6:])&^moreFragments != want || (b[6]&0x20 == 0) != last {
			t.Errorf("piece %d says of its place %04x", i, b[6:8])
		}
		if checksum(b[:20], 0) != 0 || int(binary.BigEndian.Uint16(b[2:])) != len(b) || len(b) > 28 {
			t.Errorf("piece %d: %x", i, b)
		}
		together = append(together, b[20:]...)
	}
	if len(pieces) != 3 || !slices.Equal(together, whole[20:]) {
		t.Errorf("%d pieces hold %x, want 3 with %x", len(pieces), together, whole[20:])
	}
	six := Packet{From: client6, To: server6, Flags: SYN, Fragments: true}
	if len(six.pieces()) != 1 {
		t.Error("a packet over IPv6 was cut")
	}
}
