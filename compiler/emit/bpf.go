package emit

import (
	"fmt"
	"slices"
	"strings"

	"hardenctl/compiler/ruleset"
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
	loadHalfBehindHeader operation = 0x48 // A = the two bytes at X + k
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

// halfBehindIPv4 loads two bytes of what follows an IPv4 header, however long
// its options make it.
func halfBehindIPv4(offset uint32) []instruction {
	return []instruction{{operation: loadHeaderLength}, {operation: loadHalfBehindHeader, k: offset}}
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

// Where the fields of IP and TCP headers begin (RFC 791, RFC 8200, RFC 9293).
const (
	ipv6NextHeader   = 6
	ipv6HeaderLength = 40
	tcpWindowOffset  = 14

	protocolTCP = 6
)

// tcpWindow finds the TCP header where IPv4's header length says, and right
// behind an IPv6 header whose next header is TCP.
func tcpWindow(m ruleset.TCPWindow) string {
	window := condition{load: halfBehindIPv4(tcpWindowOffset), test: jumpIfGreater, k: uint32(m.Most), not: true}
	if m.Family == ruleset.V4 {
		return bpf(window)
	}
	window.load = halfAt(ipv6HeaderLength + tcpWindowOffset)
	return bpf(condition{load: byteAt(ipv6NextHeader), test: jumpIfEqual, k: protocolTCP}, window)
}

// extended is any next header but TCP's.
func extended() string {
	return bpf(condition{load: byteAt(ipv6NextHeader), test: jumpIfEqual, k: protocolTCP, not: true})
}
