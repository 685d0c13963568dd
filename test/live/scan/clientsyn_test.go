package scan

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// stack is the SYN of one system or scanner, byte for byte: its window and its
// options in their order, with a segment size of 1460 where nothing else matters.
type stack struct {
	name    string
	window  uint16
	options []byte
	made    maker
}

// maker is what makes a SYN, and with it what else is in the packet.
type maker int

const (
	// bySystem is a system's own TCP: in IPv4 it sets "don't fragment", and in
	// IPv6 it states a segment size that is less by the longer IP header.
	bySystem maker = iota
	// byBareSystem is one whose SYN, in IPv6, is like a scanner's.
	byBareSystem
	// byScanner is a program that writes packets of its own: it does not set
	// the flag, and takes the segment size over into IPv6.
	byScanner
	// byMiddlebox is a system whose flag was cleared on the way.
	byMiddlebox
)

// Parts of options. A kind, its length, its value; 1 pads, 0 ends.
var (
	mss        = []byte{2, 4, 5, 0xb4}
	mssV6      = []byte{2, 4, 5, 0xa0}
	sack       = []byte{4, 2}
	timestamps = []byte{8, 10, 0, 0, 0, 1, 0, 0, 0, 0}
	pad        = []byte{1}
	end        = []byte{0}
	fastOpen   = []byte{34, 2} // asks for a cookie (RFC 7413, section 4.1.1)
	withCookie = []byte{34, 10, 8, 7, 6, 5, 4, 3, 2, 1}

	multipath  = []byte{30, 4, 1, 1}                             // version 1 (RFC 8684, section 3.1)
	multipath0 = []byte{30, 12, 0, 0x81, 8, 7, 6, 5, 4, 3, 2, 1} // version 0, with a key (RFC 6824)
)

func scale(shift byte) []byte { return []byte{3, 3, shift} }

func options(parts ...[]byte) []byte { return slices.Concat(parts...) }

// honest are the SYNs of systems in use, as p0f and nmap's database of
// systems describe them. Six ask for Fast Open or Multipath TCP too; where in the
// order each system puts that option is a guess. The last two have come through a
// firewall that clears "don't fragment"; the first of them is p0f's sight of
// Google's crawler.
var honest = []stack{
	{"Linux 5, 6", 64240, options(mss, sack, timestamps, pad, scale(7)), bySystem},
	{"Linux 2.6, 3", 14600, options(mss, sack, timestamps, pad, scale(4)), bySystem},
	{"Linux without timestamps", 64240, options(mss, pad, pad, sack, pad, scale(7)), bySystem},
	{"Android", 65535, options(mss, sack, timestamps, pad, scale(8)), bySystem},
	{"Windows 10, 11", 64240, options(mss, pad, scale(8), pad, pad, sack), bySystem},
	{"Windows 7", 8192, options(mss, pad, scale(8), pad, pad, sack), bySystem},
	{"Windows XP", 65535, options(mss, pad, pad, sack), bySystem},
	{"macOS, iOS", 65535, options(mss, pad, scale(6), pad, pad, timestamps, sack, end, end), bySystem},
	{"FreeBSD", 65535, options(mss, pad, scale(6), sack, timestamps), bySystem},
	{"OpenBSD", 16384, options(mss, pad, pad, sack, pad, scale(3), pad, pad, timestamps), bySystem},
	{"NetBSD", 32768, options(mss, pad, scale(3), sack, pad, pad, pad, pad, timestamps), bySystem},
	{"Solaris", 64240, options(sack, timestamps, mss, pad, scale(5)), bySystem},
	{"Linux with Fast Open", 64240, options(mss, sack, timestamps, pad, scale(7), fastOpen, pad, pad), bySystem},
	{"Linux with a Fast Open cookie", 64240, options(mss, sack, timestamps, pad, scale(7), withCookie, pad, pad), bySystem},
	{"macOS, iOS with Fast Open", 65535, options(mss, pad, scale(6), pad, pad, timestamps, fastOpen, sack), bySystem},
	{"Linux with Multipath TCP", 64240, options(mss, sack, timestamps, pad, scale(7), multipath), bySystem},
	{"iOS with Multipath TCP", 65535, options(mss, pad, scale(6), multipath, pad, pad, timestamps, sack, end, end), bySystem},
	{"iOS with Multipath TCP, version 0", 65535, options(mss, pad, scale(6), multipath0, pad, pad, timestamps, sack, end, end), bySystem},
	{"Google's crawler", 4 * 1430, options([]byte{2, 4, 5, 0x96}, sack, timestamps, pad, scale(6)), byMiddlebox},
	{"Windows 10, 11 behind a firewall", 64240, options(mss, pad, scale(8), pad, pad, sack), byMiddlebox},
}

// raw are the SYNs of scanners. Those of nmap's -O are its first six; those of
// ZMap are its default and what --probe-args makes of it (module_tcp_synscan.c of
// ZMap 4.3). It has no IPv6; its packets are sent over IPv6 all the same.
var raw = append([]stack{
	{"Linux with nmap's window", 1024, traffic.LinuxOptions, bySystem},
	{"nmap -O, packet 4, with Linux's window", 64240, options(sack, timestamps, scale(10), end), byScanner},
	{"hping", 512, nil, byScanner},
	{"nmap -O, packet 1", 1, options(scale(10), pad, mss, timestamps, sack), byScanner},
	{"nmap -O, packet 2", 63, options(mss, scale(0), sack, timestamps, end), byScanner},
	{"nmap -O, packet 3", 4, options(timestamps, pad, pad, scale(5), pad, mss), byScanner},
	{"nmap -O, packet 4", 4, options(sack, timestamps, scale(10), end), byScanner},
	{"nmap -O, packet 5", 16, options(mss, sack, timestamps, scale(10), end), byScanner},
	{"nmap -O, packet 6", 512, options(mss, sack, timestamps), byScanner},
	{"nmap -O, ECN", 3, options(scale(10), pad, mss, sack, pad, pad), byScanner},
}, scanners...)

// scanners are the SYNs with which scanners look for open ports.
var scanners = []stack{
	{"nmap -sS", 1024, mss, byScanner},
	{"nmap -sS, another window", 64240, mss, byScanner},
	{"naabu", 1024, mss, byScanner},
	{"masscan", 1025, mss, byScanner},
	{"masscan with options", 1025, options(mss, pad, scale(7), pad, pad, timestamps, sack, pad, pad), byScanner},
	{"ZMap 2.1, XMap", 65535, nil, byScanner},
	{"ZMap, windows", 65535, options(mss, pad, scale(8), pad, pad, sack), byScanner},
	{"ZMap, linux", 65535, options(mss, sack, timestamps, pad, scale(7)), byScanner},
	{"ZMap, bsd", 65535, options(mss, pad, scale(6), pad, pad, timestamps, sack, end), byScanner},
	{"ZMap, smallest-probes", 65535, mss, byScanner},
}

// copied are SYNs of scanners that an open port answers, since nothing in them is
// a scanner's alone: what remains to be seen by one packet. The first is what the
// module tcp_synopt of ZMap and ipv6_tcp_synopt of ZMapv6 send when they are told
// Linux's options with another segment size.
var copied = []stack{
	{"ZMap with options by hand", 65535, options(mssV6, sack, timestamps, pad, scale(7)), byScanner},
	{"Linux's SYN, copied whole", 64240, traffic.LinuxOptions, bySystem},
}

// answered reports whether an open port answers it.
func (s stack) answered(from netip.Addr) bool {
	return !slices.ContainsFunc(raw, func(r stack) bool { return r.name == s.name }) && !(s.made == byBareSystem && from.Is6())
}

// syn is the SYN to port 80, from a port of its own.
func (s stack) syn(from netip.Addr, number int) lab.Segment {
	packet := traffic.SYN(from, 80)
	packet.From = netip.AddrPortFrom(from, uint16(30000+number))
	packet.Window, packet.Options = s.window, slices.Clone(s.options)
	packet.MayFragment = s.made == byScanner || s.made == byMiddlebox
	if s.made == byScanner {
		packet.HopLimit = 255
	} else if from.Is6() {
		packet.Options = bytes.Replace(packet.Options, mss, mssV6, 1)
	}
	for len(packet.Options)%4 != 0 {
		packet.Options = append(packet.Options, 1)
	}
	return packet
}
