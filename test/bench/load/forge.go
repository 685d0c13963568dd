package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Kinds of floods: what no host answers for, each packet from another of 67 million
// sources, in the family of the server's address. In IPv6 each is a /64 of its own.
var floods = map[string]func(to netip.Addr, number int) []byte{
	"syn-open":   func(to netip.Addr, number int) []byte { return syn(to, number, 80) },
	"syn-closed": func(to netip.Addr, number int) []byte { return syn(to, number, closedPort(number)) },
	"null": func(to netip.Addr, number int) []byte {
		p := syn(to, number, closedPort(number))
		inside(p)[13] = 0 // flags
		return summed(p, 16)
	},
	"udp": udp,
}

// closedPort is one of 20,000 that no service answers, below those of clients.
func closedPort(number int) uint16 { return uint16(10000 + scatter(number)>>7%20000) }

// scatter spreads numbers over 32 bits, each to another (Knuth's multiplicative hash).
func scatter(number int) uint32 { return uint32(number) * 2654435761 }

// forged is the packet of that number, whose source is in 20.0.0.0/6 or 2a10::/16,
// none of which is in a lab: a header, and room for so many bytes of a protocol. The
// kernel fills in the checksum of an IPv4 header (raw(7)).
func forged(to netip.Addr, number int, protocol byte, length int) []byte {
	if to.Is6() {
		p := make([]byte, 40+length)
		p[0], p[6], p[7] = 0x60, protocol, 64
		binary.BigEndian.PutUint16(p[4:], uint16(length))
		binary.BigEndian.PutUint16(p[8:], 0x2a10)
		binary.BigEndian.PutUint32(p[10:], scatter(number)>>6)
		p[23] = 1
		copy(p[24:], to.AsSlice())
		return p
	}
	p := make([]byte, 20+length)
	p[0], p[6], p[8], p[9] = 0x45, 0x40, 64, protocol
	binary.BigEndian.PutUint32(p[12:], 20<<24|scatter(number)>>6)
	copy(p[16:], to.AsSlice())
	return p
}

// inside is what a packet carries.
func inside(p []byte) []byte {
	if p[0]>>4 == 6 {
		return p[40:]
	}
	return p[20:]
}

// syn is the SYN of that number, with the options of a Linux client.
func syn(to netip.Addr, number int, port uint16) []byte {
	p := forged(to, number, unix.IPPROTO_TCP, 40)
	tcp := inside(p)
	binary.BigEndian.PutUint16(tcp, uint16(1024+number%60000))
	binary.BigEndian.PutUint16(tcp[2:], port)
	binary.BigEndian.PutUint32(tcp[4:], scatter(number))
	tcp[12], tcp[13] = 10<<4, 2 // ten words of header, SYN
	binary.BigEndian.PutUint16(tcp[14:], 64240)
	copy(tcp[20:], []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7})
	return summed(p, 16)
}

// summed fills in the checksum of what a packet carries, which is at that place.
func summed(p []byte, at int) []byte {
	part := inside(p)
	part[at], part[at+1] = 0, 0
	binary.BigEndian.PutUint16(part[at:], checksum(p))
	return p
}

// udp is a datagram, in IPv4 without a checksum (RFC 768); in IPv6 it must have one.
func udp(to netip.Addr, number int) []byte {
	p := forged(to, number, unix.IPPROTO_UDP, 28)
	part := inside(p)
	binary.BigEndian.PutUint16(part, uint16(1024+number%60000))
	binary.BigEndian.PutUint16(part[2:], closedPort(number))
	binary.BigEndian.PutUint16(part[4:], 28)
	if to.Is4() {
		return p
	}
	return summed(p, 6)
}

// sent is how many packets this process has sent: no two floods begin alike.
var sent int

// flooding is the traffic of a flood at full speed. It returns how many packets the
// server has had: the sender's processor ends each.
func flooding(kind string) func(netip.Addr, time.Duration) (float64, error) {
	return func(to netip.Addr, length time.Duration) (float64, error) {
		first := sent
		err := forge(to, length, 0, floods[kind])
		return float64(sent - first), err
	}
}

// forge sends packets for so long: so many a second, or as many as it can if rate is 0.
func forge(to netip.Addr, length time.Duration, rate int, packet func(netip.Addr, int) []byte) error {
	if !netip.MustParsePrefix("192.0.2.0/24").Contains(to) && !netip.MustParsePrefix("2001:db8::/64").Contains(to) {
		return fmt.Errorf("%s is not an address of a lab", to)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd, address, err := rawSocket(to)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	start, first := time.Now(), sent
	for since := time.Duration(0); since < length; since = time.Since(start) {
		due := sent + 64
		if rate > 0 {
			due = first + int(since.Seconds()*float64(rate))
		}
		for ; sent < due; sent++ {
			if err := unix.Sendto(fd, packet(to, sent), 0, address); err != nil && err != unix.ENOBUFS {
				return err
			}
		}
		if rate > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// rawSocket opens a socket that sends packets with the header that they have.
func rawSocket(to netip.Addr) (fd int, address unix.Sockaddr, err error) {
	family := unix.AF_INET6
	if to.Is4() {
		family, address = unix.AF_INET, &unix.SockaddrInet4{Addr: to.As4()}
	} else {
		address = &unix.SockaddrInet6{Addr: to.As16()}
	}
	fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	return fd, address, err
}

// checksum is that of what a packet carries, with its pseudo-header, which is the
// protocol, the length and both addresses (RFC 9293, 3.1; RFC 8200, 8.1).
func checksum(packet []byte) uint16 {
	protocol, addresses := packet[9], packet[12:]
	if packet[0]>>4 == 6 {
		protocol, addresses = packet[6], packet[8:]
	}
	sum := uint32(protocol) + uint32(len(inside(packet)))
	for i := 0; i < len(addresses); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(addresses[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
