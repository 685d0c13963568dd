package netset

import (
	"net/netip"
	"strconv"
)

// AppendPrefix appends p to dst as ipset prints it: one address without its /32
// or /128, anything else as address and length. The zero Prefix appends nothing.
func AppendPrefix(dst []byte, p netip.Prefix) []byte {
	if !p.IsValid() {
		return p.AppendTo(dst)
	}
	dst = appendAddr(dst, p.Addr())
	if p.IsSingleIP() {
		return dst
	}
	return strconv.AppendInt(append(dst, '/'), int64(p.Bits()), 10)
}

// appendAddr appends a as the C library prints it, which is as netip does but
// for the addresses below ::1:0:0 that are not below ::1:0: glibc's inet_ntop
// prints those with an IPv4 tail, ::0.1.0.0 (seen with ipset 7.17).
func appendAddr(dst []byte, a netip.Addr) []byte {
	if a.Is6() {
		if low := from6(a); low.hi == 0 && low.lo>>32 == 0 && low.lo>>16 != 0 {
			b := a.As16()
			return netip.AddrFrom4([4]byte(b[12:])).AppendTo(append(dst, "::"...))
		}
	}
	return a.AppendTo(dst)
}
