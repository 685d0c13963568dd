package exact

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

// packets is how many random packets are sent to each profile and family.
var packets = flag.Int("packets", 200, "how many random packets are sent to each profile and family")

// Random packets meet the rules that the engine says, in a host that nothing has happened
// to: what no witness was made for, the many ways of odd flags and types.
func TestRandomPackets(t *testing.T) {
	lab.UseBackend(t, lab.Backends[0])
	s := newSite(t)
	for _, profile := range names("web") {
		for _, family := range ruleset.Families {
			randomly(t, s, profile, family, *packets, 1)
		}
	}
}

// TestRandomPacketsOfAll sends 10,000 packets to each built-in profile.
func TestRandomPacketsOfAll(t *testing.T) {
	lab.UseBackend(t, "legacy") // the quicker one to load
	s, cells := newSite(t), suite.Mixed(allProfiles(t, 5))
	for i := range suite.NewSlice(t, len(cells), 1).Numbers() {
		randomly(t, s, cells[i].profile, cells[i].family, 1000, uint64(cells[i].part))
	}
}

// randomly sends a number of packets to a profile.
func randomly(t *testing.T, s *site, profile string, family ruleset.Family, packets int, seed uint64) {
	t.Run(fmt.Sprintf("%s/IPv%d/%d", profile, family, seed), func(t *testing.T) {
		lab.FlushState(t)
		defer lab.FlushState(t)
		b, r := ofProfile(t, s, profile, family), rand.New(rand.NewPCG(seed, uint64(family)))
		b.fill(t, "")
		b.load(t, nil)
		for _, hook := range hooks {
			for left := packets / share[hook]; left > 0; left -= batch {
				b.sendBatch(t, hook, b.batch(r, hook, min(left, batch)))
			}
		}
	})
}

// share says which part of the packets a hook has.
var share = map[exact.Hook]int{exact.Input: 2, exact.Forward: 4, exact.Output: 4}

// batch is how many packets are sent between two looks at the counters.
const batch = 100

// sample is a packet that is sent, and what the engine says of it.
type sample struct {
	exact.Packet
	by         road
	conditions []exact.Condition
	way        []exact.RuleID
	verdict    exact.Verdict
	number     int
	fault      string // the engine contradicts itself
}

// batch are random packets to a hook, each from a source of its own.
func (b *bench) batch(r *rand.Rand, hook exact.Hook, size int) (all []sample) {
	roads := slices.DeleteFunc(b.roads(hook), func(r road) bool {
		return r.own || r.published || r.far || r.Source.IsValid() || r.In == loopback || r.Out == loopback
	})
	for len(all) < size {
		by := roads[r.IntN(len(roads))]
		p, ok := b.random(r, by)
		if !ok || by.Destination == published[b.family] && p.Values[exact.State] != begun {
			continue
		}
		s := sample{Packet: p, by: by}
		for text, is := range by.types {
			s.conditions = append(s.conditions, exact.Condition{Fact: exact.Fact{Kind: exact.Asked, Text: text}, Holds: is})
		}
		s.way, s.verdict = b.world.Follow(b.firewall, hook, s.Packet, s.conditions)
		all = append(all, s)
	}
	return all
}

// sendBatch sends packets and compares the counters of the rules. If they differ it sends
// the halves, until one packet is left.
func (b *bench) sendBatch(t *testing.T, hook exact.Hook, all []sample) {
	t.Helper()
	must(t, netlink.ConntrackTableFlush(netlink.ConntrackTable))
	expected, accepts := counts{}, uint64(0)
	for _, s := range all {
		shape, _ := shaped(nil)
		must(t, b.transmit(s.Packet, s.by, shape))
		for _, id := range s.way {
			expected[id]++
		}
		if s.verdict.Kind == exact.Accept {
			accepts++
		}
	}
	met, differ := b.since(t), ""
	for id := range b.any[hook] {
		if met[id] != expected[id] {
			differ += fmt.Sprintf("the kernel has met %v %d times, the engine %d times\n  %s\n", id, met[id], expected[id], b.firewall.Text(id))
		}
	}
	if passed := met[exact.RuleID{Table: "security", Chain: string(hook), Number: 1}]; passed != accepts {
		differ += fmt.Sprintf("the kernel has let %d of %d packets pass, the engine %d\n", passed, len(all), accepts)
	}
	switch {
	case differ == "":
	case len(all) == 1:
		t.Errorf("%s: %v by %v (%v):\n%s", hook, all[0].Packet, all[0].by.Packet, all[0].verdict, differ)
	default:
		for _, half := range [][]sample{all[:len(all)/2], all[len(all)/2:]} {
			b.fill(t, "")
			b.before = b.counted(t)
			for i := range half { // what the source had of limits is used up
				b.next++
				half[i].Source = sourceOf(b.family == ruleset.V4, b.next)
				half[i].way, half[i].verdict = b.world.Follow(b.firewall, hook, half[i].Packet, half[i].conditions)
			}
			b.sendBatch(t, hook, half)
		}
	}
}

// random returns a packet of no connection, with the state that conntrack gives it; ok is
// false for one that cannot be.
func (b *bench) random(r *rand.Rand, by road) (p exact.Packet, ok bool) {
	b.next++
	p = by.Packet
	p.Source = sourceOf(b.family == ruleset.V4, b.next)
	ports := []uint64{22, 23, 53, 67, 68, 80, 443, 1023, 1024, 32768, 65535, uint64(r.IntN(1 << 16))}
	p.Values = map[exact.Field]uint64{}
	switch r.IntN(5) {
	case 0:
		p.Values[exact.Protocol] = udp
	case 1:
		p.Values[exact.Protocol] = icmp
		p.Values[exact.ICMPType], p.Values[exact.ICMPCode] = uint64(r.IntN(20)), uint64(r.IntN(4))
		if b.family == ruleset.V6 {
			p.Values[exact.Protocol] = icmpv6
			p.Values[exact.ICMPType] += 128 * uint64(r.IntN(2))
		}
	default:
		p.Values[exact.Protocol], p.Values[exact.Flags] = tcp, uint64(r.IntN(64))
	}
	if p.Values[exact.Protocol] == tcp || p.Values[exact.Protocol] == udp {
		p.Values[exact.SourcePort], p.Values[exact.DestinationPort] = ports[r.IntN(len(ports))], ports[r.IntN(len(ports))]
	}
	if r.IntN(4) == 0 {
		p.Values[exact.HopLimit], p.Values[exact.DSCP] = uint64(2+r.IntN(250)), uint64(r.IntN(64))
	}
	whole, conditions, ok := b.world.Witness(b.world.Graph().And(b.world.Fresh(), b.world.Packets(p)))
	whole.In, whole.Out = p.In, p.Out
	maps.DeleteFunc(whole.Values, func(f exact.Field, _ uint64) bool { return f == exact.Mark && p.In != "" })
	return whole, ok && !slices.ContainsFunc(conditions, func(c exact.Condition) bool { return c.Fact.Kind != exact.Asked })
}

// cell is a part of a table over all profiles.
type cell struct {
	profile string
	family  ruleset.Family
	part    int
}

// allProfiles are the built-in profiles in both families, each in a number of parts.
func allProfiles(t *testing.T, parts int) (all []cell) {
	for _, profile := range profiles(t) {
		for _, family := range ruleset.Families {
			for part := range parts {
				all = append(all, cell{profile: profile, family: family, part: part})
			}
		}
	}
	return all
}
