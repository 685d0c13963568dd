package emit_test

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestPrograms runs the programs on packets: with IP options, with extension
// headers, at the limit, and cut short.
func TestPrograms(t *testing.T) {
	v4 := ruleset.TCPWindow{Family: ruleset.V4, Most: 1024}
	v6 := ruleset.TCPWindow{Family: ruleset.V6, Most: 1024}
	start4 := ruleset.TCPStart{Family: ruleset.V4, Window: 65535, SegmentSize: 1460}
	start6 := ruleset.TCPStart{Family: ruleset.V6, Window: 65535, SegmentSize: 1460}
	for _, test := range []struct {
		name   string
		match  ruleset.Match
		packet []byte
		want   bool
	}{
		{"IPv4, window 1024", v4, slices.Concat(ipv4(0), segment(1024)), true},
		{"IPv4, window 1025", v4, slices.Concat(ipv4(0), segment(1025)), false},
		{"IPv4 with 8 bytes of options, window 1024", v4, slices.Concat(ipv4(8), segment(1024)), true},
		{"IPv4 with 40 bytes of options, window 1025", v4, slices.Concat(ipv4(40), segment(1025)), false},
		{"IPv4, cut in the window", v4, slices.Concat(ipv4(0), segment(0)[:15]), false},
		{"IPv6, window 0", v6, slices.Concat(ipv6(6), segment(0)), true},
		{"IPv6, window 1024", v6, slices.Concat(ipv6(6), segment(1024)), true},
		{"IPv6, window 1025", v6, slices.Concat(ipv6(6), segment(1025)), false},
		{"IPv6, another header before TCP", v6, slices.Concat(ipv6(60), segment(0)), false},
		{"IPv6, cut in the window", v6, slices.Concat(ipv6(6), segment(0)[:15]), false},
		{"IPv4, window and segment size", start4, slices.Concat(ipv4(0), segment(65535), mss(1460)), true},
		{"IPv4 with options, window and segment size", start4, slices.Concat(ipv4(12), segment(65535), mss(1460)), true},
		{"IPv4, another window", start4, slices.Concat(ipv4(0), segment(64240), mss(1460)), false},
		{"IPv4, another segment size", start4, slices.Concat(ipv4(0), segment(65535), mss(1430)), false},
		{"IPv4, another first option", start4, slices.Concat(ipv4(0), segment(65535), []byte{4, 2}, mss(1460)), false},
		{"IPv4, no option", start4, slices.Concat(ipv4(0), segment(65535)), false},
		{"IPv6, window and segment size", start6, slices.Concat(ipv6(6), segment(65535), mss(1460)), true},
		{"IPv6, the segment size of IPv6", start6, slices.Concat(ipv6(6), segment(65535), mss(1440)), false},
		{"IPv6, another header before TCP", start6, slices.Concat(ipv6(60), segment(65535), mss(1460)), false},
		{"IPv4, may be fragmented", ruleset.MayFragment{}, ipv4(0), true},
		{"IPv4, may not", ruleset.MayFragment{}, flagged(0x40), false},
		{"IPv4, a later fragment", ruleset.MayFragment{}, flagged(0x20), true},
		{"IPv4 without options", ruleset.IPOptions{}, ipv4(0), false},
		{"IPv4 with options", ruleset.IPOptions{}, ipv4(4), true},
		{"IPv4, the last hop", ruleset.HopsLeft{Family: ruleset.V4, Most: 1}, with(ipv4(0), 8, 1), true},
		{"IPv4, no hop left", ruleset.HopsLeft{Family: ruleset.V4, Most: 1}, ipv4(0), true},
		{"IPv4, one hop more", ruleset.HopsLeft{Family: ruleset.V4, Most: 1}, with(ipv4(0), 8, 2), false},
		{"IPv6, the last hop", ruleset.HopsLeft{Family: ruleset.V6, Most: 1}, with(ipv6(6), 7, 1), true},
		{"IPv6, one hop more", ruleset.HopsLeft{Family: ruleset.V6, Most: 1}, with(ipv6(6), 7, 2), false},
		{"IPv4, 1280 bytes", ruleset.Longer{Family: ruleset.V4, Than: 1280}, with(ipv4(0), 2, 5, 0), false},
		{"IPv4, 1281 bytes", ruleset.Longer{Family: ruleset.V4, Than: 1280}, with(ipv4(0), 2, 5, 1), true},
		{"IPv6, 1280 bytes", ruleset.Longer{Family: ruleset.V6, Than: 1280}, with(ipv6(6), 4, 4, 216), false},
		{"IPv6, 1281 bytes", ruleset.Longer{Family: ruleset.V6, Than: 1280}, with(ipv6(6), 4, 4, 217), true},
		{"IPv6, TCP", ruleset.Extended{}, ipv6(6), false},
		{"IPv6, hop-by-hop options", ruleset.Extended{}, ipv6(0), true},
		{"IPv6, fragment", ruleset.Extended{}, ipv6(44), true},
		{"IPv6, destination options", ruleset.Extended{}, ipv6(60), true},
	} {
		if got := run(program(t, test.match), test.packet); got != test.want {
			t.Errorf("%s: matches is %v, want %v", test.name, got, test.want)
		}
	}
}

// ipv4 is an IPv4 header with so many bytes of options.
func ipv4(options int) []byte {
	header := make([]byte, 20+options)
	header[0] = 4<<4 | byte(len(header)/4)
	return header
}

// flagged is an IPv4 header whose byte of flags is given.
func flagged(flags byte) []byte {
	header := ipv4(0)
	header[6] = flags
	return header
}

// with writes bytes into a header.
func with(header []byte, at int, bytes ...byte) []byte {
	copy(header[at:], bytes)
	return header
}

func ipv6(next byte) []byte {
	header := make([]byte, 40)
	header[6] = next
	return header
}

// segment is a TCP header with a window.
func segment(window uint16) []byte {
	header := make([]byte, 20)
	binary.BigEndian.PutUint16(header[14:], window)
	return header
}

// mss is the option that states a segment size.
func mss(size uint16) []byte { return binary.BigEndian.AppendUint16([]byte{2, 4}, size) }

// program reads the numbers of a match's bytecode, an instruction a row.
func program(t *testing.T, m ruleset.Match) [][4]int {
	t.Helper()
	text := emit.Rule(ruleset.V4, ruleset.Rule{Matches: []ruleset.Match{m}})
	_, text, _ = strings.Cut(text, `--bytecode "`)
	rows := strings.Split(strings.TrimSuffix(text, `"`), ",")
	if count, err := strconv.Atoi(rows[0]); err != nil || count != len(rows)-1 {
		t.Fatalf("%s does not count its %d instructions", text, len(rows)-1)
	}
	var all [][4]int
	for _, row := range rows[1:] {
		var numbers [4]int
		for i, word := range strings.Fields(row) {
			numbers[i], _ = strconv.Atoi(word)
		}
		all = append(all, numbers)
	}
	return all
}

// run is classic BPF, as the kernel's Documentation/networking/filter.rst tells
// it: a load past the packet's end does not match.
func run(program [][4]int, packet []byte) bool {
	a, x := 0, 0
	for at := 0; ; at++ {
		code, k := program[at][0], program[at][3]
		first, size := k, map[int]int{0x30: 1, 0xb1: 1, 0x28: 2, 0x48: 2, 0x20: 4, 0x40: 4}[code]
		if code == 0x48 || code == 0x40 {
			first += x
		}
		if first+size > len(packet) && size > 0 {
			return false
		}
		jump := false
		switch code {
		case 0x30:
			a = int(packet[first])
		case 0xb1:
			x = 4 * int(packet[first]&15)
		case 0x28, 0x48:
			a = int(binary.BigEndian.Uint16(packet[first:]))
		case 0x20, 0x40:
			a = int(binary.BigEndian.Uint32(packet[first:]))
		case 0x15:
			jump = a == k
		case 0x25:
			jump = a > k
		case 0x45:
			jump = a&k != 0
		case 0x06:
			return k != 0
		default:
			panic(code)
		}
		if jump {
			at += program[at][1]
		} else {
			at += program[at][2]
		}
	}
}
