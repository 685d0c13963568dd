package exact

import (
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

// road is a way by which packets come to a hook.
type road struct {
	exact.Packet                 // what is the same for all of them
	types        map[string]bool // what routing says of addresses
	own          bool            // the server sends them because of another packet
	far          bool            // to any address of others
	published    bool            // of connections to the published address
}

// fromHere is what routing says of the server's own addresses.
const fromHere = "-m addrtype --src-type LOCAL"

// roads are the ways to a hook, the plainest first.
func (b *bench) roads(hook exact.Hook) (all []road) {
	first := b.links[lab.ServerInterface]
	add := func(in, out string, to netip.Addr, local, broadcast bool) {
		all = append(all, road{Packet: exact.Packet{Family: b.family, In: in, Out: out, Destination: to},
			types: map[string]bool{"-m addrtype --dst-type LOCAL": local, "-m addrtype --dst-type BROADCAST": broadcast, fromHere: false}})
	}
	anywhere := func(in string) {
		all = append(all, road{Packet: exact.Packet{Family: b.family, In: in, Out: first.name}, far: true,
			types: map[string]bool{"-m addrtype --dst-type LOCAL": false, "-m addrtype --dst-type BROADCAST": false, fromHere: false}})
	}
	toAll := netip.MustParseAddr("224.0.0.1")
	if b.family == ruleset.V6 {
		toAll = netip.MustParseAddr("ff02::1")
	}
	switch hook {
	case exact.Input:
		for _, name := range interfaces {
			add(name, "", b.links[name].server[b.family], true, false)
		}
		add(first.name, "", toAll, false, false)
		if b.family == ruleset.V4 {
			add(first.name, "", netip.MustParseAddr("192.0.2.255"), false, true)
		}
		add(loopback, "", first.server[b.family], true, false)
		all = append(all, road{Packet: exact.Packet{Family: b.family, In: first.name, Source: first.server[b.family], Destination: first.server[b.family]},
			types: map[string]bool{"-m addrtype --dst-type LOCAL": true, fromHere: true}})
	case exact.Forward:
		add(first.name, interfaces[1], published[b.family], true, false)
		for _, in := range interfaces {
			for _, out := range interfaces {
				if in != out {
					add(in, out, b.links[out].beyond[b.family], false, false)
				}
			}
		}
		anywhere(interfaces[1])
		add(first.name, interfaces[1], b.links[interfaces[1]].beyond[b.family], true, false)
		all[len(all)-1].published = true
	case exact.Output:
		for _, name := range interfaces {
			add("", name, b.links[name].beyond[b.family], false, false)
		}
		add("", first.name, toAll, false, false)
		if b.family == ruleset.V4 {
			add("", first.name, netip.MustParseAddr("192.0.2.255"), false, true)
		}
		add("", loopback, first.server[b.family], true, false)
		anywhere("")
		all = append(all, road{Packet: exact.Packet{Family: b.family, Source: first.server[b.family], Out: first.name}, own: true})
	}
	return all
}

// connected are packets of connections as a test can make them: of one that has seen a SYN,
// of one that is open, of an echo, and errors about a datagram.
func (b *bench) connected() bdd.Node {
	w, g := b.world, b.world.Graph()
	one := func(values map[exact.Field]uint64) bdd.Node {
		return w.Packets(exact.Packet{Family: b.family, Values: values})
	}
	any := bdd.False
	for _, flags := range []uint64{lab.ACK, lab.ACK | lab.PSH, lab.FIN | lab.ACK, lab.RST, lab.RST | lab.ACK} {
		any = g.Or(any, one(map[exact.Field]uint64{exact.Protocol: tcp, exact.State: established, exact.Flags: flags}))
	}
	any = g.Or(any, one(map[exact.Field]uint64{exact.Protocol: tcp, exact.State: begun, exact.Flags: lab.SYN}))
	for _, state := range []uint64{begun, established} {
		any = g.Or(any, one(map[exact.Field]uint64{exact.Protocol: udp, exact.State: state}))
	}
	any = g.Or(any, b.messages(func(protocol, request, reply uint64) bdd.Node {
		return g.Or(one(map[exact.Field]uint64{exact.Protocol: protocol, exact.State: established, exact.ICMPType: request, exact.Direction: 0}),
			one(map[exact.Field]uint64{exact.Protocol: protocol, exact.State: established, exact.ICMPType: reply, exact.Direction: 1}))
	}), one(map[exact.Field]uint64{exact.State: related}))
	return g.And(any, one(map[exact.Field]uint64{exact.Confirmed: 1, exact.Expected: 0, exact.SourceNAT: 0, exact.Fragment: 0}),
		g.Or(g.Not(one(map[exact.Field]uint64{exact.State: related})), b.messages(func(protocol, _, _ uint64) bdd.Node {
			return one(map[exact.Field]uint64{exact.Protocol: protocol})
		})))
}

// messages calls f with ICMP of the family: its number, and the types of an echo.
func (b *bench) messages(f func(protocol, request, reply uint64) bdd.Node) bdd.Node {
	if b.family == ruleset.V6 {
		return f(icmpv6, 128, 129)
	}
	return f(icmp, 8, 0)
}

// States of conntrack.
const begun, established = 0, 1

// ownErrors are the errors of the server about a packet whose time to live is over: of a
// connection that is not confirmed.
func (b *bench) ownErrors() bdd.Node {
	return b.messages(func(protocol, _, _ uint64) bdd.Node {
		kind := uint64(11)
		if b.family == ruleset.V6 {
			kind = 3
		}
		return b.world.Packets(exact.Packet{Family: b.family, Values: map[exact.Field]uint64{
			exact.Protocol: protocol, exact.ICMPType: kind, exact.ICMPCode: 0, exact.State: related, exact.Direction: 1, exact.Confirmed: 0, exact.Replied: 0,
			exact.Assured: 0, exact.Expected: 0, exact.SourceNAT: 0, exact.DestinationNAT: 0, exact.Fragment: 0}})
	})
}

// witness returns a packet that meets a rule and can be sent, with what must be so.
func (b *bench) witness(hook exact.Hook, id exact.RuleID) (p exact.Packet, by road, conditions []exact.Condition, ok bool) {
	for _, r := range b.roads(hook) {
		for _, kind := range b.kinds(hook, id, r) {
			n := b.world.Graph().And(kind, b.world.Packets(r.Packet))
			if p, conditions, ok := b.sendable(n, r); ok {
				return p, r, conditions, true
			}
		}
	}
	return p, by, nil, false
}

// others are packets to addresses that the first interface leads to.
func (b *bench) others() bdd.Node {
	g, theirs, ours := b.world.Graph(), bdd.False, bdd.False
	for _, text := range []string{"1.0.0.0/8", "8.0.0.0/6", "16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/3", "128.0.0.0/2", "192.0.0.0/3", "2000::/3", "fc00::/7"} {
		if p := netip.MustParsePrefix(text); b.family.Has(p.Addr()) {
			theirs = g.Or(theirs, b.world.Within(exact.Destination, p))
		}
	}
	for _, text := range []string{"10.9.0.0/16", "192.0.2.0/30", "192.0.2.255/32", "fd00:9::/32", "2001:db8::/126"} {
		if p := netip.MustParsePrefix(text); b.family.Has(p.Addr()) {
			ours = g.Or(ours, b.world.Within(exact.Destination, p))
		}
	}
	return g.Without(theirs, ours)
}

// kinds are the packets of a road that meet a rule, the plainest first.
func (b *bench) kinds(hook exact.Hook, id exact.RuleID, r road) (all []bdd.Node) {
	g, w := b.world.Graph(), b.world
	one := func(f exact.Field, value uint64) bdd.Node {
		return w.Packets(exact.Packet{Family: b.family, Values: map[exact.Field]uint64{f: value}})
	}
	fresh, open := b.fresh[hook][id], g.And(b.any[hook][id], b.connected())
	back := g.And(one(exact.DestinationNAT, 1), one(exact.Direction, 0))
	switch {
	case r.own:
		all = []bdd.Node{g.And(b.any[hook][id], b.ownErrors())}
	case r.Destination == published[b.family] && hook == exact.Forward:
		all = []bdd.Node{g.And(fresh, one(exact.State, begun))}
	case r.published:
		all = []bdd.Node{g.And(open, back)}
	case r.far:
		all = []bdd.Node{g.And(fresh, b.others()), g.And(open, b.others())}
	default:
		all = []bdd.Node{fresh, g.Without(open, back)}
	}
	for i := range all {
		if hook == exact.Forward { // the kernel sends on what has a TTL above one
			all[i] = g.Without(all[i], g.Or(one(exact.HopLimit, 0), one(exact.HopLimit, 1)))
		}
		all[i] = g.Where(all[i], func(v int) bdd.Value {
			if w.IsFact(v) {
				if is, stated := r.types[w.Fact(v).Text]; stated {
					return bdd.Of(is)
				}
			}
			return bdd.Unknown
		})
	}
	return all
}

// sendable returns a packet of some, from a source of its own where it can be.
func (b *bench) sendable(n bdd.Node, r road) (p exact.Packet, conditions []exact.Condition, ok bool) {
	if n == bdd.False {
		return p, nil, false
	}
	g := b.world.Graph()
	b.next++
	own := sourceOf(b.family == ruleset.V4, b.next)
	from := exact.Packet{Family: b.family, Source: own}
	if r.own {
		from = exact.Packet{Family: b.family, Destination: own}
	}
	if !r.Source.IsValid() {
		for _, l := range b.links {
			n = g.Without(n, b.world.Packets(exact.Packet{Family: b.family, Source: l.server[b.family]}))
		}
		n = g.Without(n, b.world.Packets(exact.Packet{Family: b.family, Source: published[b.family]}))
	}
	port := g.Not(b.world.Packets(exact.Packet{Family: b.family, Values: map[exact.Field]uint64{exact.DestinationPort: 0}}))
	for _, narrowed := range []bdd.Node{g.And(n, port, b.world.Packets(from)), g.And(n, b.world.Packets(from)), g.Without(b.world.Settle(n), b.used), n} {
		p, conditions, ok = b.world.Witness(narrowed)
		if near := p.Source.IsLinkLocalUnicast() && r.Out == ""; !ok || !p.Source.IsGlobalUnicast() && !near {
			continue
		}
		if p.Source.IsGlobalUnicast() && r.Source != p.Source {
			b.used = g.Or(b.used, b.world.Within(exact.Source, netip.PrefixFrom(p.Source, sourceBits[b.family])))
		}
		p.In, p.Out = r.In, r.Out
		for text, is := range r.types {
			conditions = append(conditions, exact.Condition{Fact: exact.Fact{Kind: exact.Asked, Text: text}, Holds: is})
		}
		return p, conditions, true
	}
	return p, nil, false
}

// sourceBits is the length of prefix by which limits and sets count sources.
var sourceBits = map[ruleset.Family]int{ruleset.V4: 32, ruleset.V6: 64}

// meet sends a packet in the state that conditions say, and compares the rules that have
// counted it with those that the engine names. needs says why it was not sent.
func (b *bench) meet(t *testing.T, hook exact.Hook, p exact.Packet, by road, conditions []exact.Condition) (way []exact.RuleID, needs string) {
	t.Helper()
	s, needs := b.stateFor(p, conditions)
	if needs != "" {
		return nil, needs
	}
	b.load(t, s.others)
	if s.bound {
		defer bind(t, p)()
	}
	for range s.uses + 1 {
		must(t, netlink.ConntrackTableFlush(netlink.ConntrackTable))
		if p.Values[exact.Confirmed] == 1 {
			must(t, connect(p))
		}
		b.fill(t, s.sets)
		b.full = s.full
		listed(t, p, s.lists)
		b.before = b.counted(t)
		must(t, b.transmit(p, by, s.shape))
	}
	way, verdict := b.world.Follow(b.firewall, hook, p, conditions)
	b.compare(t, hook, by, way, verdict, fmt.Sprintf("%v, if %v", p, conditions))
	return way, ""
}

// transmit sends a packet as it comes to the server, before any translation.
func (b *bench) transmit(p exact.Packet, by road, s shape) error {
	if by.own {
		p = exact.Packet{Family: b.family, In: p.Out, Source: p.Destination, Destination: b.links[interfaces[1]].beyond[b.family],
			Values: map[exact.Field]uint64{exact.Protocol: udp, exact.SourcePort: 40000, exact.DestinationPort: 9, exact.HopLimit: 1}}
	}
	if p.Values[exact.DestinationNAT] == 1 && p.Values[exact.Direction] == 0 {
		p.Destination = before(p)
	}
	packet := build(p, s)
	if err := b.deliver(p, packet); err != nil {
		return fmt.Errorf("%v: %w", p, err)
	}
	lab.Drain()
	return nil
}

// compare compares what the rules of a hook have counted since the last look with the way
// of a packet.
func (b *bench) compare(t *testing.T, hook exact.Hook, by road, way []exact.RuleID, verdict exact.Verdict, what string) {
	t.Helper()
	expected, met := counts{}, b.since(t)
	for _, id := range way {
		expected[id]++
	}
	for id := range b.any[hook] {
		if expected[id] != met[id] {
			t.Errorf("%s (%v): the kernel has met %v %d times, the engine %d times\n  %s", what, verdict, id, met[id], expected[id], b.firewall.Text(id))
		}
	}
	if by.In == loopback || by.Out == loopback {
		return // it is another packet for each hook
	}
	passed := met[exact.RuleID{Table: "security", Chain: string(hook), Number: 1}]
	if accepts := verdict.Kind == exact.Accept; accepts != (passed > 0) {
		t.Errorf("%s: the kernel has let %d packets pass; the engine says: %v", what, passed, verdict)
	}
}

// meetAll sends rules their witness at each hook, and returns how many have met theirs, how
// many no packet can meet, and what the others need. It ends when the time is over.
func (b *bench) meetAll(t *testing.T, rules []exact.RuleID, end time.Time) (met, never int, needs map[string][]exact.RuleID) {
	needs = map[string][]exact.RuleID{}
	for _, id := range rules {
		if time.Now().After(end) {
			break
		}
		done, possible, why := false, false, map[string]bool{}
		for _, hook := range hooks {
			if n, reached := b.any[hook][id]; !reached || b.world.Settle(n) == bdd.False {
				continue
			}
			possible = true
			p, by, conditions, ok := b.witness(hook, id)
			if !ok {
				why["another packet"] = true
				continue
			}
			way, needed := b.meet(t, hook, p, by, conditions)
			switch {
			case needed != "":
				why[needed] = true
			case !slices.Contains(way, id):
				t.Errorf("%v, %v: the engine's own way %v has not %v", p, conditions, way, id)
			default:
				done = true
			}
		}
		switch {
		case done:
			met++
		case !possible || b.unsent(id):
			never++
		default:
			text := strings.Join(slices.Sorted(maps.Keys(why)), ", ")
			needs[text] = append(needs[text], id)
		}
	}
	return met, never, needs
}

// unsent reports whether only a packet meets a rule which no host of this test sends on: to
// all hosts of a network, or by the loopback.
func (b *bench) unsent(id exact.RuleID) bool {
	text := b.firewall.Text(id)
	return id.Table == "mangle" && (strings.HasPrefix(text, "-o lo ") || strings.HasPrefix(text, "-m addrtype --dst-type") && strings.HasSuffix(text, "-j DROP"))
}

// Rules are sent a packet that the engine says meets them, and the kernel's counters name
// the very rules that the engine names. TestWitnessesOfAll tries every rule.
func TestWitnesses(t *testing.T) {
	lab.UseBackend(t, lab.Backends[0])
	s := newSite(t)
	for _, profile := range names("web", "server") {
		for _, family := range ruleset.Families {
			t.Run(fmt.Sprintf("%s/IPv%d", profile, family), func(t *testing.T) {
				lab.FlushState(t)
				defer lab.FlushState(t)
				b := ofProfile(t, s, profile, family)
				b.fill(t, "")
				rules := slices.Collect(b.firewall.Rules())
				first := int(*suite.Seed*37) % len(rules)
				met, never, needs := b.meetAll(t, append(rules[first:], rules[:first]...), time.Now().Add(2*time.Second))
				if met == 0 || len(needs) > 0 || never > mostUnmet[profile] {
					t.Errorf("%d rules have met their witness, %d can be met by none; not met: %v", met, never, needs)
				}
			})
		}
	}
}

func allMeet(t *testing.T, s *site, profile string, family ruleset.Family) {
	lab.FlushState(t)
	defer lab.FlushState(t)
	b := ofProfile(t, s, profile, family)
	b.fill(t, "")
	rules := slices.Collect(b.firewall.Rules())
	met, never, needs := b.meetAll(t, rules, time.Now().Add(time.Hour))
	fmt.Printf("%s, IPv%d: %d of %d rules have met their witness, %d can be met by none\n", profile, family, met, len(rules), never)
	for need, rules := range needs {
		t.Errorf("%s: not met because it needs %s: %v", profile, need, rules)
	}
	if most := mostUnmet[profile]; never > most {
		t.Errorf("%d rules can be met by no packet, of at most %d", never, most)
	}
}

// mostUnmet is how many rules of a profile no packet meets: those that ask sets which a site
// has to fill, and those that only a router of multicast would meet.
var mostUnmet = map[string]int{"ot-controller": 13, "docker-host": 2, "gateway": 2}

// chosen are profiles to try in place of those that a test names: "-profiles=mail,dns".
var chosen = flag.String("profiles", "", "the built-in profiles to send packets to, in place of those of each test")

func names(usual ...string) []string {
	if *chosen == "" {
		return usual
	}
	return strings.Split(*chosen, ",")
}

// profiles are those that are built in.
func profiles(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob("../../../golden/*/rules.v4")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		all = append(all, filepath.Base(filepath.Dir(file)))
	}
	return all
}

// TestWitnessesOfAll is TestWitnesses of each built-in profile, on both backends.
func TestWitnessesOfAll(t *testing.T) {
	cells := allProfiles(t, 1)
	for _, c := range slices.Clone(cells) {
		c.part = 1
		cells = append(cells, c)
	}
	cells = suite.Mixed(cells)
	s := newSite(t)
	for i := range suite.NewSlice(t, len(cells), 1).Numbers() {
		c, backend := cells[i], []string{"nft", "legacy"}[cells[i].part]
		t.Run(fmt.Sprintf("%s/%s/IPv%d", backend, c.profile, c.family), func(t *testing.T) {
			lab.UseBackend(t, backend)
			allMeet(t, s, c.profile, c.family)
		})
	}
}
