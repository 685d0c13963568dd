package emit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// operation is the code of an instruction of classic BPF, the machine that
// xt_bpf runs on a packet (the kernel's Documentation/networking/filter.rst).
// The machine has an accumulator A and an index X; offsets count from the first
// byte of the IP header. A load past the packet's end ends the program without a
// match.
type operation uint16

// The operations that programs here use; k is the instruction's number.
const (
	loadByte             operation = 0x30 // A = byte k
	loadHalf             operation = 0x28 // A = the two bytes at k
	loadWord             operation = 0x20 // A = the four bytes at k
	loadHalfBehindHeader operation = 0x48 // A = the two bytes at X + k
	loadWordBehindHeader operation = 0x40 // A = the four bytes at X + k
	loadHeaderLength     operation = 0xb1 // X = 4 * (byte k & 15): IPv4's header length
	jumpIfEqual          operation = 0x15 // A == k
	jumpIfGreater        operation = 0x25 // A > k
	jumpIfAnyBit         operation = 0x45 // A & k != 0
	stop                 operation = 0x06 // the packet matches if k is not 0
)

// instruction is one step of a program. A jump skips so many instructions where
// its test holds, and so many where it does not.
type instruction struct {
	operation           operation
	skipTrue, skipFalse int
	k                   uint32
}

// condition is one thing that a packet must be: what is loaded of it, and the
// test that this must pass, or with not must fail.
type condition struct {
	load []instruction
	test operation
	k    uint32
	not  bool
}

// The loads of conditions.

func byteAt(offset uint32) []instruction { return []instruction{{operation: loadByte, k: offset}} }

func halfAt(offset uint32) []instruction { return []instruction{{operation: loadHalf, k: offset}} }

// tcpAt loads a half or a word of a TCP header: behind an IPv4 header, however
// long its options make it, or right behind an IPv6 header.
func tcpAt(family ruleset.Family, half bool, offset uint32) []instruction {
	load, behind := loadWord, loadWordBehindHeader
	if half {
		load, behind = loadHalf, loadHalfBehindHeader
	}
	if family == ruleset.V6 {
		return []instruction{{operation: load, k: ipv6HeaderLength + offset}}
	}
	return []instruction{{operation: loadHeaderLength}, {operation: behind, k: offset}}
}

// bpf matches packets that meet all conditions. It prints the program as
// libxt_bpf of iptables does: the number of instructions, then each.
func bpf(conditions ...condition) string {
	program := assemble(conditions)
	words := []string{fmt.Sprint(len(program))}
	for _, i := range program {
		words = append(words, fmt.Sprintf("%d %d %d %d", i.operation, i.skipTrue, i.skipFalse, i.k))
	}
	return `-m bpf --bytecode "` + strings.Join(words, ",") + `"`
}

// assemble lays the conditions one behind the other, then the end of a packet
// that meets them all, then the end of any other, to which a failed test jumps.
func assemble(conditions []condition) []instruction {
	program := []instruction{{operation: stop, k: 1}, {operation: stop}}
	for _, c := range slices.Backward(conditions) {
		test, toEnd := instruction{operation: c.test, k: c.k}, len(program)-1
		if c.not {
			test.skipTrue = toEnd
		} else {
			test.skipFalse = toEnd
		}
		program = slices.Concat(c.load, []instruction{test}, program)
	}
	return program
}

// Where the fields of IP and TCP headers are, and what they hold (RFC 791, RFC
// 8200, RFC 9293).
const (
	ipv4Start        = 0    // the version, and the header's length in words
	ipv4Short        = 0x45 // IPv4 with a header of five words: no options
	ipv4Length       = 2    // of header and payload
	ipv4Flags        = 6
	ipv4TimeToLive   = 8
	dontFragment     = 0x4000
	ipv6Length       = 4 // of the payload
	ipv6NextHeader   = 6
	ipv6HopLimit     = 7
	protocolTCP      = 6
	ipv6HeaderLength = 40
	tcpWindowField   = 14
	tcpFirstOption   = 20
	segmentSize      = 2<<24 | 4<<16 // the option's kind and length; its value follows
)

// tcp matches segments that meet all conditions. Of IPv6, where they are found
// by their place, the next header must be TCP's.
func tcp(family ruleset.Family, conditions ...condition) string {
	if family == ruleset.V6 {
		next := condition{load: byteAt(ipv6NextHeader), test: jumpIfEqual, k: protocolTCP}
		conditions = append([]condition{next}, conditions...)
	}
	return bpf(conditions...)
}

func tcpWindow(m ruleset.TCPWindow) string {
	return tcp(m.Family, condition{load: tcpAt(m.Family, true, tcpWindowField), test: jumpIfGreater, k: uint32(m.Most), not: true})
}

func tcpStart(m ruleset.TCPStart) string {
	return tcp(m.Family,
		condition{load: tcpAt(m.Family, true, tcpWindowField), test: jumpIfEqual, k: uint32(m.Window)},
		condition{load: tcpAt(m.Family, false, tcpFirstOption), test: jumpIfEqual, k: segmentSize | uint32(m.SegmentSize)})
}

func mayFragment() string {
	return bpf(condition{load: halfAt(ipv4Flags), test: jumpIfAnyBit, k: dontFragment, not: true})
}

func hopsLeft(m ruleset.HopsLeft) string {
	at := uint32(ipv4TimeToLive)
	if m.Family == ruleset.V6 {
		at = ipv6HopLimit
	}
	return bpf(condition{load: byteAt(at), test: jumpIfGreater, k: uint32(m.Most), not: true})
}

func longer(m ruleset.Longer) string {
	if m.Family == ruleset.V6 {
		return bpf(condition{load: halfAt(ipv6Length), test: jumpIfGreater, k: uint32(m.Than) - ipv6HeaderLength})
	}
	return bpf(condition{load: halfAt(ipv4Length), test: jumpIfGreater, k: uint32(m.Than)})
}

// extended is any next header but TCP's.
func extended() string {
	return bpf(condition{load: byteAt(ipv6NextHeader), test: jumpIfEqual, k: protocolTCP, not: true})
}

// ipOptions is an IPv4 header of more than five words.
func ipOptions() string {
	return bpf(condition{load: byteAt(ipv4Start), test: jumpIfGreater, k: ipv4Short})
}

func nextHeader(m ruleset.NextHeader) string {
	return bpf(condition{load: byteAt(ipv6NextHeader), test: jumpIfEqual, k: uint32(m.Number)})
}
