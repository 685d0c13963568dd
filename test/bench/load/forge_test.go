package main

import (
	"net/netip"
	"testing"
)

// Every forged packet is whole: its length and its checksum are right, and it comes
// from a source of its own.
func TestForged(t *testing.T) {
	for _, server := range []string{"192.0.2.10", "2001:db8::10"} {
		to := netip.MustParseAddr(server)
		header, bits := 20, 32
		if to.Is6() {
			header, bits = 40, 64
		}
		for kind, make := range floods {
			sources := map[netip.Prefix]bool{}
			for number := range 1000 {
				p := make(to, number)
				if want := map[bool]int{true: 28, false: 40}[kind == "udp"]; len(p) != header+want {
					t.Fatalf("%s to %s: %d bytes", kind, to, len(p))
				}
				if sum := checksum(p); sum != 0 && !(kind == "udp" && to.Is4()) {
					t.Fatalf("%s to %s: the checksum is off by %04x", kind, to, sum)
				}
				from := p[12:16]
				if to.Is6() {
					from = p[8:24]
				}
				a, _ := netip.AddrFromSlice(from)
				sources[netip.PrefixFrom(a, bits).Masked()] = true
			}
			if len(sources) != 1000 {
				t.Errorf("%s to %s: %d sources in 1000 packets", kind, to, len(sources))
			}
		}
	}
}
