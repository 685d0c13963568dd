package lab

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// TCP flags of a Segment, as they are in the header.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE // of a SYN with CWR: may ECN be used (RFC 3168, section 6.1.1)
	CWR
)

// Segment is a TCP segment of the caller's own making. From may be any
// address: a host of a lab can forge it.
type Segment struct {
	From, To netip.AddrPort // of one family
	Flags    uint8
	Seq, Ack uint32
	Window   uint16
	// Options are the options' bytes, a multiple of four and at most 40.
	Options []byte
	// HopLimit is the IP header's time to live or hop limit; 0 means 64.
	HopLimit uint8
	// MayFragment leaves out "don't fragment", which the IPv4 packets of a
	// system's own TCP have.
	MayFragment bool
}

// Forge sends segments from the host's interface, as they are.
func (h *Host) Forge(segments ...Segment) error {
	return h.Do(func() error {
		out, err := openForge()
		if err != nil {
			return err
		}
		defer out.close()
		for i, s := range segments {
			if err := out.send(s); err != nil {
				return fmt.Errorf("forging %v -> %v from %s: %w", s.From, s.To, h.name, err)
			}
			if i%256 == 255 { // the kernel drops what is more than 1,000 (net.core.netdev_max_backlog)
				Drain()
			}
		}
		Drain()
		return nil
	})
}

// Drain returns when every packet that waited for a processor has had it: rules
// have seen it, and sets hold what they add. On a busy machine packets wait for
// their turn (ksoftirqd).
func Drain() {
	for cpu, began := 0, time.Now(); time.Since(began) < Patience; time.Sleep(time.Millisecond) {
		waiting, err := backlogs()
		for cpu < len(waiting) && !waiting[cpu] {
			cpu++
		}
		if err != nil || cpu == len(waiting) {
			return
		}
	}
}

// backlogs says of each processor whether packets wait for it. A kernel before
// 5.10 does not tell.
func backlogs() (waiting []bool, err error) {
	const length = 11 // the column, in hexadecimal digits
	text, err := os.ReadFile("/proc/net/softnet_stat")
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		waiting = append(waiting, len(words) > length && strings.Trim(words[length], "0") != "")
	}
	return waiting, err
}

// Answered sends segments from an address that is the host's own and returns, for
// each, the flags of the first answer, or 0 where none came within the time. The
// host itself knows nothing of what was sent and resets what is answered.
func (h *Host) Answered(wait time.Duration, segments ...Segment) (flags []uint8, err error) {
	err = h.Do(func() error {
		for _, s := range segments {
			answer, err := exchange(wait, s)
			if err != nil {
				return fmt.Errorf("asking %v from %s: %w", s.To, h.name, err)
			}
			flags = append(flags, answer)
		}
		return nil
	})
	return flags, err
}

// AnsweredBefore sends segments from addresses that lead to the host, then last,
// again and again until that is answered: by then whatever came before it has
// been decided, since the link keeps the order. It returns the flags of the first
// answer to each source port, without last's.
func (h *Host) AnsweredBefore(last Segment, segments ...Segment) (flags map[uint16]uint8, err error) {
	err = h.Do(func() error {
		flags, err = exchangeAll(last, segments)
		return err
	})
	return flags, err
}

// answerLimit is the longest that exchangeAll waits for the last answer.
const answerLimit = time.Minute

func exchangeAll(last Segment, segments []Segment) (map[uint16]uint8, error) {
	out, err := openForge()
	if err != nil {
		return nil, err
	}
	defer out.close()
	in, err := listenRaw(time.Second/2, last.From.Addr())
	if err != nil {
		return nil, err
	}
	defer unix.Close(in)
	// Room for as many answers as there are segments, whatever the default is.
	if err := unix.SetsockoptInt(in, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
		return nil, err
	}
	for _, s := range segments {
		if err := out.send(s); err != nil {
			return nil, err
		}
	}
	flags := map[uint16]uint8{}
	for deadline := time.Now().Add(answerLimit); time.Now().Before(deadline); {
		if err := out.send(last); err != nil {
			return nil, err
		}
		for port, first := range answers(in, last.From.Addr().Is4()) {
			if port == last.From.Port() {
				return flags, nil
			}
			if _, known := flags[port]; !known {
				flags[port] = first
			}
		}
	}
	return nil, fmt.Errorf("no answer to %v -> %v within %s", last.From, last.To, answerLimit)
}

// answers yields the port and the flags of each TCP segment that comes, until
// none has come for a while.
func answers(in int, v4 bool) iter.Seq2[uint16, uint8] {
	return func(yield func(uint16, uint8) bool) {
		buffer := make([]byte, 2048)
		for {
			n, _, err := unix.Recvfrom(in, buffer, 0)
			if err != nil {
				return // none came within the socket's time
			}
			header := buffer[:n]
			if v4 {
				header = header[4*(header[0]&15):]
			}
			if len(header) >= tcpHeader && !yield(binary.BigEndian.Uint16(header[2:]), header[13]) {
				return
			}
		}
	}
}

// exchange sends a segment and waits for one to the port that it came from.
func exchange(wait time.Duration, s Segment) (flags uint8, err error) {
	out, err := openForge()
	if err != nil {
		return 0, err
	}
	defer out.close()
	in, err := listenRaw(wait, s.From.Addr())
	if err != nil {
		return 0, err
	}
	defer unix.Close(in)
	if err := out.send(s); err != nil {
		return 0, err
	}
	for port, first := range answers(in, s.From.Addr().Is4()) {
		if port == s.From.Port() {
			return first, nil
		}
	}
	return 0, nil // the time is over
}

// listenRaw opens a socket that sees the TCP segments that reach the host; of
// IPv4 with their header, of IPv6 without (raw(7), ipv6(7)).
func listenRaw(wait time.Duration, to netip.Addr) (socket int, err error) {
	family := unix.AF_INET
	if to.Is6() {
		family = unix.AF_INET6
	}
	if socket, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP); err != nil {
		return 0, err
	}
	limit := unix.NsecToTimeval(wait.Nanoseconds())
	return socket, unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
}

// forge is a pair of sockets that take packets with their IP header. The kernel
// fills in no more than IPv4's checksum and identification.
type forge struct{ v4, v6 int }

func openForge() (forge, error) {
	v4, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return forge{}, err
	}
	v6, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		unix.Close(v4)
		return forge{}, err
	}
	return forge{v4, v6}, nil
}

func (f forge) close() {
	unix.Close(f.v4)
	unix.Close(f.v6)
}

func (f forge) send(s Segment) error {
	if s.To.Addr().Is4() {
		return unix.Sendto(f.v4, s.packet(), 0, &unix.SockaddrInet4{Addr: s.To.Addr().As4()})
	}
	return unix.Sendto(f.v6, s.packet(), 0, &unix.SockaddrInet6{Addr: s.To.Addr().As16()})
}

// tcpHeader is the length of a TCP header without options.
const tcpHeader = 20

// packet is the segment with its IP header.
func (s Segment) packet() []byte {
	tcp := s.tcp()
	if s.From.Addr().Is4() {
		ip := make([]byte, 20, 20+len(tcp))
		ip[0], ip[8], ip[9] = 4<<4|5, s.hopLimit(), unix.IPPROTO_TCP
		if !s.MayFragment {
			ip[6] = 0x40
		}
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(tcp)))
		copy(ip[12:], s.From.Addr().AsSlice())
		copy(ip[16:], s.To.Addr().AsSlice())
		return append(ip, tcp...)
	}
	ip := make([]byte, 40, 40+len(tcp))
	ip[0], ip[6], ip[7] = 6<<4, unix.IPPROTO_TCP, s.hopLimit()
	binary.BigEndian.PutUint16(ip[4:], uint16(len(tcp)))
	copy(ip[8:], s.From.Addr().AsSlice())
	copy(ip[24:], s.To.Addr().AsSlice())
	return append(ip, tcp...)
}

func (s Segment) hopLimit() uint8 {
	if s.HopLimit == 0 {
		return 64
	}
	return s.HopLimit
}

// tcp is the segment without its IP header.
func (s Segment) tcp() []byte {
	header := make([]byte, tcpHeader, tcpHeader+len(s.Options))
	binary.BigEndian.PutUint16(header[0:], s.From.Port())
	binary.BigEndian.PutUint16(header[2:], s.To.Port())
	binary.BigEndian.PutUint32(header[4:], s.Seq)
	binary.BigEndian.PutUint32(header[8:], s.Ack)
	header[12] = uint8(tcpHeader+len(s.Options)) / 4 << 4
	header[13] = s.Flags
	binary.BigEndian.PutUint16(header[14:], s.Window)
	segment := append(header, s.Options...)
	binary.BigEndian.PutUint16(segment[16:], s.checksum(segment))
	return segment
}

// checksum is TCP's, over the segment and the pseudo header of its addresses,
// length and protocol (RFC 9293, section 3.1).
func (s Segment) checksum(segment []byte) uint16 {
	sum := uint32(len(segment)) + unix.IPPROTO_TCP
	for _, part := range [][]byte{s.From.Addr().AsSlice(), s.To.Addr().AsSlice(), segment} {
		for i := 0; i+1 < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
