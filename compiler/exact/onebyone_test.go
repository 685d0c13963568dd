package exact

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A rule as this test makes it, with what the kernel does with one packet said plainly: this is
// what the answers of the engine, for all packets at once, are held to.
type plainRule struct {
	id      RuleID
	matches []func(*plainPacket) bool
	text    string
	target  string
	value   uint64 // of the target: an address, a port, a mark
	mask    uint64
	port    uint64
}

// plainPacket is one first segment of a TCP connection on its way.
type plainPacket struct {
	source, destination, port, mark uint64
	elsewhere                       bool // conntrack's DNAT
	redirected                      bool // to an address that the rules do not tell
	lucky                           uint64
	met                             map[RuleID]bool
}

// plainTables are rules by the chains that they are in.
type plainTables map[place][]*plainRule

const plainPolicy = ""

// chain returns the verdict of a chain; "" if the packet leaves it without one.
func (all plainTables) chain(at place, hook Hook, p *plainPacket) (verdict string) {
	for _, r := range all[at] {
		if !r.holds(p) {
			continue
		}
		p.met[r.id] = true
		switch r.target {
		case "RETURN":
			return plainPolicy
		case "A", "B", "C":
			verdict = all.chain(place{at.table, r.target}, hook, p)
		default:
			verdict = r.act(hook, p)
		}
		if verdict != plainPolicy {
			return verdict
		}
	}
	return plainPolicy
}

func (r *plainRule) holds(p *plainPacket) bool {
	for _, m := range r.matches {
		if !m(p) {
			return false
		}
	}
	return true
}

// act is what a target does that is not a chain.
func (r *plainRule) act(hook Hook, p *plainPacket) (verdict string) {
	switch r.target {
	case "MARK":
		p.mark = p.mark&^r.mask ^ r.value
	case "DNAT":
		if hook == Input {
			return "depends on " + r.then()
		}
		p.elsewhere = p.elsewhere || p.destination != r.value || r.port != 0 && p.port != r.port
		p.destination = r.value
		if r.port != 0 {
			p.port = r.port
		}
		return "accept"
	case "REDIRECT":
		if hook == Forward {
			return "depends on " + r.then()
		}
		p.elsewhere = p.elsewhere || p.port != r.port
		p.port, p.redirected = r.port, true
		return "accept"
	case "ACCEPT":
		return "accept"
	case "DROP":
		return "drop"
	}
	return plainPolicy
}

// walk returns the verdict of a packet at a hook.
func (all plainTables) walk(hook Hook, p *plainPacket) string {
	p.met = map[RuleID]bool{}
	for _, at := range ways[hook] {
		if verdict := all.chain(at, hook, p); verdict != plainPolicy && verdict != "accept" {
			return verdict
		}
	}
	return "accept"
}

// maker makes rules by chance, of few addresses and ports, so that they meet.
type maker struct {
	*rand.Rand
	odd int
}

func (m *maker) address() uint64 { return 10<<24 | uint64(m.IntN(4))<<8 | uint64(m.IntN(4)) }
func (m *maker) number() uint64  { return 8000 + uint64(m.IntN(6)) }

func dotted(a uint64) string {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}).String()
}

// match returns a match in the words of iptables-save, and what it asks.
func (m *maker) match() (text string, asks func(*plainPacket) bool) {
	switch m.IntN(7) {
	case 0:
		a, bits := m.address(), 22+m.IntN(11)
		mask := ^uint64(0) << (32 - bits) & 0xffffffff
		return fmt.Sprintf("-s %s/%d", dotted(a&mask), bits), func(p *plainPacket) bool { return p.source&mask == a&mask }
	case 1, 2:
		a, bits := m.address(), 22+m.IntN(11)
		mask := ^uint64(0) << (32 - bits) & 0xffffffff
		return fmt.Sprintf("-d %s/%d", dotted(a&mask), bits), func(p *plainPacket) bool { return !p.redirected && p.destination&mask == a&mask }
	case 3:
		first, last := m.number(), m.number()
		first, last = min(first, last), max(first, last)
		return fmt.Sprintf("-p tcp -m tcp --dport %d:%d", first, last), func(p *plainPacket) bool { return first <= p.port && p.port <= last }
	case 4:
		mask := uint64(1 + m.IntN(7))
		value := uint64(m.IntN(8)) & mask
		return fmt.Sprintf("-m mark --mark %#x/%#x", value, mask), func(p *plainPacket) bool { return p.mark&mask == value }
	case 5:
		return "-m conntrack --ctstate DNAT", func(p *plainPacket) bool { return p.elsewhere }
	}
	m.odd++
	odd := m.odd
	return fmt.Sprintf("-m statistic --mode nth --every 2 --packet %d", odd), func(p *plainPacket) bool { return p.lucky>>(odd%64)&1 == 1 }
}

// rule makes a rule of a chain, which jumps only to some of the chains; a target that is not
// empty is its target.
func (m *maker) rule(table string, to []string, target string) *plainRule {
	r := &plainRule{}
	var words []string
	for range m.IntN(3) {
		text, asks := m.match()
		kind, _, _ := strings.Cut(text, " ")
		if !strings.Contains(strings.Join(words, " "), kind+" ") { // a match is in a rule once
			words, r.matches = append(words, text), append(r.matches, asks)
		}
	}
	targets := append([]string{"MARK", "MARK", "LOG", "RETURN"}, to...)
	switch table {
	case "nat":
		targets = append(targets, "DNAT", "DNAT", "REDIRECT", "ACCEPT")
		words = append([]string{"-p tcp"}, words...)
	case "filter":
		targets = append(targets, "ACCEPT", "DROP", "DROP")
	}
	if r.target = target; target == "" {
		r.target = targets[m.IntN(len(targets))]
	}
	switch r.target {
	case "MARK":
		r.value, r.mask = uint64(m.IntN(8)), uint64(m.IntN(8))
	case "DNAT":
		if r.value = m.address(); m.IntN(2) == 0 {
			r.port = m.number()
		}
	case "REDIRECT":
		r.port = m.number()
	}
	r.text = strings.Join(append(words, r.then()), " ")
	return r
}

// then is the target in the words of iptables-save.
func (r *plainRule) then() string {
	switch r.target {
	case "MARK":
		return fmt.Sprintf("-j MARK --set-xmark %#x/%#x", r.value, r.mask)
	case "DNAT":
		to := dotted(r.value)
		if r.port != 0 {
			to += fmt.Sprintf(":%d", r.port)
		}
		return "-j DNAT --to-destination " + to
	case "REDIRECT":
		return fmt.Sprintf("-j REDIRECT --to-ports %d", r.port)
	}
	return "-j " + r.target
}

// tables makes tables by chance, and the text of them.
func (m *maker) tables() (all plainTables, text string) {
	all = plainTables{}
	var b strings.Builder
	for _, of := range []struct{ table, builtIn string }{
		{"mangle", "PREROUTING INPUT FORWARD OUTPUT"}, {"nat", "PREROUTING OUTPUT"}, {"filter", "INPUT FORWARD OUTPUT"},
	} {
		table, chains := of.table, strings.Fields(of.builtIn)
		fmt.Fprintf(&b, "*%s\n", table)
		for _, chain := range chains {
			fmt.Fprintf(&b, ":%s ACCEPT [0:0]\n", chain)
		}
		b.WriteString(":A - [0:0]\n:B - [0:0]\n:C - [0:0]\n")
		for i, chain := range append(chains, "A", "B", "C") {
			to := []string{"A", "A", "B", "C"}
			if own := i - len(chains); own >= 0 {
				to = []string{"B", "C"}[own:min(2, own+2)]
				if own == 2 {
					to = nil
				}
			}
			count, alike := 2+m.IntN(6), ""
			if table == "filter" && m.IntN(3) == 0 { // long chains that do one thing
				count, alike = 6+m.IntN(6), []string{"ACCEPT", "DROP"}[m.IntN(2)]
			}
			for n := range count {
				r := m.rule(table, to, alike)
				r.id = RuleID{table, chain, n + 1}
				all[place{table, chain}] = append(all[place{table, chain}], r)
				fmt.Fprintf(&b, "-A %s %s\n", chain, r.text)
			}
		}
		b.WriteString("COMMIT\n")
	}
	return all, b.String()
}

// TestOneByOne sends packets through random rules one by one, as the kernel does, and holds
// the walk of all packets at once to what becomes of them: with DNAT, REDIRECT, marks and
// chains that several rules jump to, whose meaning is worked out once where it can be.
func TestOneByOne(t *testing.T) {
	verdicts := map[string]int{}
	for seed := range uint64(100) {
		m := &maker{Rand: rand.New(rand.NewPCG(seed, 1))}
		all, text := m.tables()
		f, err := Read(ruleset.V4, []byte(text), nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		w := NewWorld(ruleset.V4, f)
		w.manyLimits = seed%2 == 1
		for _, hook := range []Hook{Input, Forward, Output} {
			result := w.Walk(f, hook, w.Possible())
			for way, other := range map[string]*Result{"no rule noted": w.verdicts(f, hook), "rule by rule": w.Trace(f, hook, w.Possible(), unknownBits)} {
				if !maps.Equal(result.Verdicts, other.Verdicts) {
					t.Fatalf("seed %d, %s: the verdicts differ with %s\n%s", seed, hook, way, text)
				}
			}
			for range 40 {
				p := plainPacket{source: m.address(), destination: m.address(), port: m.number(), lucky: m.Uint64()}
				is := w.valuesOf(p)
				said := "nothing"
				for v, n := range result.Verdicts {
					if w.g.Holds(n, is) {
						said = v.String()
					}
				}
				as := p
				want := all.walk(hook, &as)
				verdicts[strings.Fields(want)[0]]++
				if said != want {
					t.Fatalf("seed %d, %s: %+v is %q, and should be %q\n%s", seed, hook, p, said, want, text)
				}
				for id := range f.Rules() {
					if met := w.g.Holds(result.Reach[id], is); met != as.met[id] {
						t.Fatalf("seed %d, %s: %+v meets %v: %v\n%s", seed, hook, p, id, met, text)
					}
				}
			}
		}
	}
	if len(verdicts) != 3 || verdicts["accept"] < 1000 || verdicts["drop"] < 1000 || verdicts["depends"] < 1000 {
		t.Error(verdicts)
	}
}

// valuesOf are the values of all variables for a packet.
func (w *World) valuesOf(p plainPacket) func(variable int) bool {
	address := func(a uint64) netip.Addr { return netip.MustParseAddr(dotted(a)) }
	usual := w.usual(Packet{
		Family: 4, Source: address(p.source), Destination: address(p.destination), Values: map[Field]uint64{DestinationPort: p.port},
	})
	return func(v int) bool {
		if !w.IsFact(v) {
			return usual(v)
		}
		odd := 0
		fmt.Sscanf(w.Fact(v).Text, "-m statistic --mode nth --every 2 --packet %d", &odd)
		return odd > 0 && p.lucky>>(odd%64)&1 == 1
	}
}
