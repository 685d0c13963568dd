package scan

import (
	"fmt"
	"strings"
	"testing"
)

// inDatabase are the SYNs of systems in p0f's database (p0f.fp of 3.09b, section
// tcp:request, github.com/p0f/p0f), those with "don't fragment": the order of
// options, the windows and the window scales that it has seen together. Windows
// that p0f gives as multiples of the segment size are for that size; where any
// will do, one is chosen.
var inDatabase = []struct {
	system  string
	order   string
	size    uint16
	windows []uint16
	scales  []byte
}{
	{"Linux 3", "size sack time pad scale", 1460, []uint16{10 * 1460}, []byte{4, 5, 6, 7}},
	{"Linux 3.11", "size sack time pad scale", 1460, []uint16{20 * 1460}, []byte{7, 10}},
	{"Linux 2.6", "size sack time pad scale", 1460, []uint16{4 * 1460}, []byte{6, 7, 8}},
	{"Linux 2.4", "size sack time pad scale", 1460, []uint16{4 * 1460}, []byte{0, 1, 2}},
	{"Linux 2.2", "size sack time pad scale", 1460, []uint16{11 * 1460, 20 * 1460, 22 * 1460}, []byte{0}},
	{"Linux, loopback", "size sack time pad scale", 16396, []uint16{2 * 16396}, []byte{0, 2, 4}},
	{"Linux, loopback", "size sack time pad scale", 16376, []uint16{2 * 16376}, []byte{2, 4}},
	{"Linux 2.2, loopback", "size sack time pad scale", 3884, []uint16{8 * 3884}, []byte{0}},
	{"Android", "size sack time pad scale", 1460, []uint16{44 * 1460}, []byte{1, 3}},
	{"Linux, any", "size sack time pad scale", 1460, []uint16{10 * 1460, 4 * 1460, 62727}, []byte{9}},
	{"Linux without timestamps", "size pad pad sack pad scale", 1460, []uint16{29200}, []byte{7}},
	{"Linux, barebone", "size", 1460, []uint16{64240}, []byte{0}},
	{"Windows XP", "size pad pad sack", 1460, []uint16{16384, 65535}, []byte{0}},
	{"Windows XP", "size pad scale pad pad sack", 1460, []uint16{65535}, []byte{0, 1, 2}},
	{"Windows 7, 8", "size pad pad sack", 1460, []uint16{8192}, []byte{0}},
	{"Windows 7, 8", "size pad scale pad pad sack", 1460, []uint16{8192}, []byte{2, 8}},
	{"Windows 7, 8", "size pad scale sack time", 1460, []uint16{8192}, []byte{2}},
	{"Websense", "size pad pad time pad scale", 1380, []uint16{4 * 1380}, []byte{6, 7}},
	{"Windows, any", "size pad pad sack", 1460, []uint16{16384, 65535, 8192, 64240}, []byte{0}},
	{"Windows, any", "size pad scale pad pad sack", 1460, []uint16{16384, 65535, 8192, 64240}, []byte{8}},
	{"Mac OS X, iOS", "size pad scale pad pad time sack end end", 1460, []uint16{65535}, []byte{1, 2, 3, 4, 6}},
	{"FreeBSD", "size pad scale sack time", 1460, []uint16{65535}, []byte{3, 6, 9}},
	{"OpenBSD", "size pad pad sack pad scale pad pad time", 1460, []uint16{16384}, []byte{0, 3}},
	{"Solaris 8", "pad scale pad pad time pad pad sack size", 1460, []uint16{32850}, []byte{1}},
	{"Solaris 10", "size pad scale pad pad sack", 1460, []uint16{34 * 1460}, []byte{0}},
	{"Tru64", "size pad scale", 1460, []uint16{32768}, []byte{0}},
	{"Nintendo 3DS", "size pad pad sack", 1360, []uint16{32768}, []byte{0}},
	{"Nintendo Wii", "size pad pad sack", 1460, []uint16{32768}, []byte{0}},
	{"Baidu's spider", "size sack pad pad pad pad pad pad pad pad pad pad pad scale", 1460, []uint16{4 * 1460}, []byte{2, 7}},
}

// systems are all of them as packets.
func systems() []stack {
	var all []stack
	for _, d := range inDatabase {
		made := bySystem
		if d.order == "size" {
			made = byBareSystem
		}
		for _, window := range d.windows {
			for _, shift := range d.scales {
				name := fmt.Sprintf("%s, window %d, scale %d", d.system, window, shift)
				all = append(all, stack{name, window, ordered(d.order, d.size, shift), made})
			}
		}
	}
	return all
}

// ordered are options in an order.
func ordered(order string, size uint16, shift byte) []byte {
	parts := map[string][]byte{
		"size": {2, 4, byte(size >> 8), byte(size)}, "scale": scale(shift),
		"sack": sack, "time": timestamps, "pad": pad, "end": end,
	}
	var all []byte
	for _, word := range strings.Fields(order) {
		all = append(all, parts[word]...)
	}
	return all
}

// p0f has 91 SYNs, and 27 of them lack "don't fragment".
func TestSystemsAreAll(t *testing.T) {
	if got := len(systems()); got != 91-27 {
		t.Errorf("there are %d", got)
	}
}
