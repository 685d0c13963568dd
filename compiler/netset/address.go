package netset

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// address is what the spans of both families need of an address. The zero
// value is the lowest address of the family.
type address[A any] interface {
	comparable
	compare(A) int
	// next and prev step by one, and wrap round at the ends of the family.
	next() A
	prev() A
	// clear sets the lowest host bits to zero, fill to one.
	clear(host int) A
	fill(host int) A
	// hostBits is the size, as a power of two, of the largest prefix that
	// starts at this address and does not pass last, which is not below it.
	hostBits(last A) int
	// prefix is the prefix with so many host bits that starts here.
	prefix(host int) netip.Prefix
}

// bits4 is an IPv4 address.
type bits4 uint32

func from4(a netip.Addr) bits4 {
	b := a.As4()
	return bits4(binary.BigEndian.Uint32(b[:]))
}

func (a bits4) compare(b bits4) int  { return cmp.Compare(a, b) }
func (a bits4) next() bits4          { return a + 1 }
func (a bits4) prev() bits4          { return a - 1 }
func (a bits4) clear(host int) bits4 { return a &^ (1<<host - 1) }
func (a bits4) fill(host int) bits4  { return a | (1<<host - 1) }

func (a bits4) hostBits(last bits4) int {
	host := bits.Len32(uint32(last - a))
	if aligned := bits.TrailingZeros32(uint32(a)); aligned < host {
		return aligned
	}
	if a.fill(host) > last {
		host--
	}
	return host
}

func (a bits4) prefix(host int) netip.Prefix {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(a))
	return netip.PrefixFrom(netip.AddrFrom4(b), 32-host)
}

// bits6 is an IPv6 address.
type bits6 struct{ hi, lo uint64 }

func from6(a netip.Addr) bits6 {
	b := a.As16()
	return bits6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (a bits6) compare(b bits6) int {
	return cmp.Or(cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo))
}

func (a bits6) next() bits6 {
	lo, carry := bits.Add64(a.lo, 1, 0)
	return bits6{a.hi + carry, lo}
}

func (a bits6) prev() bits6 { return a.minus(bits6{0, 1}) }

func (a bits6) minus(b bits6) bits6 {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return bits6{hi, lo}
}

// hostMask has the lowest host bits on. A shift by 64 or more gives 0 in Go.
func hostMask(host int) bits6 {
	return bits6{1<<max(host-64, 0) - 1, 1<<min(host, 64) - 1}
}

func (a bits6) clear(host int) bits6 {
	m := hostMask(host)
	return bits6{a.hi &^ m.hi, a.lo &^ m.lo}
}

func (a bits6) fill(host int) bits6 {
	m := hostMask(host)
	return bits6{a.hi | m.hi, a.lo | m.lo}
}

func (a bits6) len() int {
	if a.hi != 0 {
		return 64 + bits.Len64(a.hi)
	}
	return bits.Len64(a.lo)
}

func (a bits6) trailingZeros() int {
	if a.lo == 0 {
		return 64 + bits.TrailingZeros64(a.hi)
	}
	return bits.TrailingZeros64(a.lo)
}

func (a bits6) hostBits(last bits6) int {
	host := last.minus(a).len()
	if aligned := a.trailingZeros(); aligned < host {
		return aligned
	}
	if a.fill(host).compare(last) > 0 {
		host--
	}
	return host
}

func (a bits6) prefix(host int) netip.Prefix {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.PrefixFrom(netip.AddrFrom16(b), 128-host)
}
