package exact

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// packets is how many packets are sent to each profile and family: 10,000 before a release.
var packets = flag.Int("packets", 60, "how many random packets are sent to each profile")

// Random packets meet the rules that the engine says, in a host that nothing has happened
// to: what no witness was made for, the many ways of odd flags and types.
func TestRandomPackets(t *testing.T) {
	lab.UseBackend(t, "legacy") // the quicker one to load
	client := lab.NewNetwork(t).Host("client", "192.0.2.9", "2001:db8::9")
	for _, profile := range names("web") {
		for _, family := range ruleset.Families {
			t.Run(fmt.Sprintf("%s/IPv%d", profile, family), func(t *testing.T) {
				lab.FlushState(t)
				defer lab.FlushState(t)
				b, r := newBench(t, client, profile, family), rand.New(rand.NewPCG(1, uint64(family)))
				sent := 0
				for n := range *packets {
					p, ok := b.random(r, n)
					if !ok {
						continue
					}
					sent++
					s, _ := shaped(nil)
					b.prepare(t, p, nil)
					b.compareWay(t, p, nil, s)
				}
				if sent < *packets/2 {
					t.Errorf("only %d of %d packets were sent", sent, *packets)
				}
			})
		}
	}
}

// random returns a packet of no connection, with the state that conntrack gives it; ok is
// false for one that cannot be.
func (b *bench) random(r *rand.Rand, n int) (p exact.Packet, ok bool) {
	p = exact.Packet{Family: b.family, Source: sourceOf(b.family == ruleset.V4, n), Destination: b.destination[0], In: lab.ServerInterface}
	ports := []uint64{22, 23, 53, 67, 68, 80, 443, 1023, 1024, 32768, 65535, uint64(r.IntN(1 << 16))}
	p.Values = map[exact.Field]uint64{}
	switch r.IntN(5) {
	case 0:
		p.Values[exact.Protocol] = udp
	case 1:
		p.Values[exact.Protocol] = icmp
		if b.family == ruleset.V6 {
			p.Values[exact.Protocol] = icmpv6
		}
		p.Values[exact.ICMPType], p.Values[exact.ICMPCode] = uint64(r.IntN(20)), uint64(r.IntN(4))
		if b.family == ruleset.V6 && r.IntN(2) == 0 {
			p.Values[exact.ICMPType] = uint64(128 + r.IntN(2)) // those of neighbours are everywhere
		}
	default:
		p.Values[exact.Protocol], p.Values[exact.Flags] = tcp, uint64(r.IntN(64))
	}
	if p.Values[exact.Protocol] == tcp || p.Values[exact.Protocol] == udp {
		p.Values[exact.SourcePort], p.Values[exact.DestinationPort] = ports[r.IntN(len(ports))], ports[r.IntN(len(ports))]
	}
	whole, conditions, ok := b.world.Witness(b.world.Graph().And(b.world.Fresh(), b.world.Packets(p)))
	return whole, ok && len(conditions) == 0
}
