// Sweep sends one packet to every port of an address, once for TCP and once for
// UDP: a bare SYN, or an empty datagram. It is called with the address and the
// order, "up", "down" or "random", and waits for no answer.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"log"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

func main() {
	to := netip.MustParseAddr(os.Args[1])
	ports := order(os.Args[2])
	sweepTCP(to, ports)
	sweepUDP(to, ports)
}

// order lists all ports. The random order is the same each time; in it 6000
// is before 6900, and 9000 before 3000.
func order(name string) []uint16 {
	ports := make([]uint16, 65535)
	for i := range ports {
		ports[i] = uint16(i + 1)
	}
	switch name {
	case "down":
		slices.Reverse(ports)
	case "random":
		rand.New(rand.NewPCG(8, 8)).Shuffle(len(ports), func(i, j int) { ports[i], ports[j] = ports[j], ports[i] })
	}
	return ports
}

func sweepTCP(to netip.Addr, ports []uint16) {
	conn, err := (&net.Dialer{Control: hearLoss}).Dial("ip:tcp", to.String())
	check(err)
	from := netip.MustParseAddr(conn.LocalAddr().String())
	for i, port := range ports {
		send(i, func() error { _, err := conn.Write(syn(from, to, port)); return err })
	}
	lab.Drain()
}

// syn is a SYN as Linux sends it, but for its options.
func syn(from, to netip.Addr, port uint16) []byte {
	segment := binary.BigEndian.AppendUint16(nil, 40000)
	segment = binary.BigEndian.AppendUint16(segment, port)
	segment = append(segment, 1, 2, 3, 4, 0, 0, 0, 0, 5<<4, 0x02, 0xfa, 0xf0, 0, 0, 0, 0)
	pseudo := slices.Concat(from.AsSlice(), to.AsSlice(), []byte{0, 6, 0, byte(len(segment))})
	binary.BigEndian.PutUint16(segment[16:], checksum(slices.Concat(pseudo, segment)))
	return segment
}

// checksum is the Internet checksum (RFC 1071) of an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

func sweepUDP(to netip.Addr, ports []uint16) {
	listen := net.ListenConfig{Control: hearLoss}
	conn, err := listen.ListenPacket(context.Background(), "udp", ":0")
	check(err)
	defer conn.Close()
	for i, port := range ports {
		send(i, func() error {
			_, err := conn.WriteTo(nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, port)))
			return err
		})
	}
	lab.Drain()
}

// hearLoss has the kernel say when a packet is lost on the way out (ip(7),
// IP_RECVERR), which it keeps to itself otherwise. A socket of the other family
// has no such option.
func hearLoss(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, 1)
		if failed != nil {
			failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_RECVERR, 1)
		}
	})
	return errors.Join(err, failed)
}

// send sends packet i. It waits for a moment where the server's backlog
// (net.core.netdev_max_backlog) is full, and lets it run empty now and then: what
// comes from a veth while it is full is lost without a word.
func send(i int, packet func() error) {
	if i%256 == 255 {
		lab.Drain()
	}
	for {
		err := packet()
		if !errors.Is(err, syscall.ENOBUFS) {
			check(err)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
