package lab

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// An open port answers a SYN with SYN and ACK, a closed one with RST and ACK:
// the packets are right, down to their checksums.
func TestAnswered(t *testing.T) {
	FlushState(t)
	Serve(t, "tcp", 80)
	client := NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
	for server, from := range map[string]netip.Addr{ServerV4: client.V4(), ServerV6: client.V6()} {
		segment := func(port uint16) Segment {
			return Segment{
				From: netip.AddrPortFrom(from, 40000+port), To: netip.AddrPortFrom(netip.MustParseAddr(server), port),
				Flags: SYN, Window: 64240, Options: []byte{2, 4, 5, 0xb4},
			}
		}
		got, err := client.Answered(Patience, segment(80), segment(81))
		must(t, err)
		if want := []uint8{SYN | ACK, RST | ACK}; !slices.Equal(got, want) {
			t.Errorf("%s: the answers have flags %06b, want %06b", server, got, want)
		}
	}
}

// A host sends with any source address, and the answer goes to the owner of the address.
func TestForge(t *testing.T) {
	FlushState(t)
	network := NewNetwork(t)
	forger := network.Host("forger", "192.0.2.20/24")
	victim := network.Host("victim", "192.0.2.21/24")
	segment := Segment{
		From: netip.AddrPortFrom(victim.V4(), 40000), To: netip.MustParseAddrPort(ServerV4 + ":81"), Flags: SYN, Window: 1,
	}
	answered := make(chan []uint8)
	go func() {
		// A segment that nothing answers, so that only the forged one is.
		quiet := segment
		quiet.Flags = RST
		got, _ := victim.Answered(Patience, quiet)
		answered <- got
	}()
	for {
		must(t, forger.Forge(segment))
		select {
		case got := <-answered:
			if !slices.Equal(got, []uint8{RST | ACK}) {
				t.Errorf("the victim got %06b", got)
			}
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}
