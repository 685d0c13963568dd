package exact

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

const (
	rulesets = 2000 // in the whole table
	each     = 50   // packets to each ruleset
)

// Random rules of the matches and targets that the engine knows do what it says.
func TestRandomRulesets(t *testing.T) {
	s := rulesetSite(t, lab.Backends[0])
	for n := range 30 {
		tryRuleset(t, s, n)
	}
	tried.report(t)
}

// TestRandomRulesetsOfAll is TestRandomRulesets with 2,000 of them.
func TestRandomRulesetsOfAll(t *testing.T) {
	s := rulesetSite(t, "legacy") // the quicker one to load
	for n := range suite.NewSlice(t, rulesets, 1).Numbers() {
		tryRuleset(t, s, n)
	}
	tried.report(t)
}

// rulesetSite is a site without rules and sets, at the beginning and at the end.
func rulesetSite(t *testing.T, backend string) *site {
	t.Helper()
	lab.UseBackend(t, backend)
	s := newSite(t)
	t.Cleanup(func() {
		feed(t, "flush\n", "ipset", "restore") // a set of sets would hold the others
		lab.FlushState(t)
	})
	return s
}

// tryRuleset sends packets to the ruleset of a number. If the kernel and the engine differ
// it takes away all rules that do not matter, and shows the rest.
func tryRuleset(t *testing.T, s *site, n int) {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(7, uint64(n))), family: ruleset.Families[n%2], sends: n%4 > 1}
	rules, seed := g.ruleset(), g.Uint64()
	try := func(rules string, one int) (difference, error) {
		return compareRuleset(t, s, g, rules, rand.New(rand.NewPCG(seed, 1)), one)
	}
	found, err := try(rules, -1)
	must(t, err)
	differs := func(rules string) bool {
		again, err := try(rules, found.sample)
		return err == nil && again.text != ""
	}
	if found.text == "" {
		return
	}
	again := false
	for range 2 {
		again = again || differs(rules)
	}
	if !again { // a packet was late, on a busy machine
		tried.late++
		t.Logf("ruleset %d, IPv%d: once of three times:\n%s", n, g.family, found.text)
		return
	}
	smallest := rules
	for lines := strings.SplitAfter(rules, "\n"); len(lines) > 0; lines = lines[1:] {
		if less := strings.Replace(smallest, lines[0], "", 1); strings.HasPrefix(lines[0], "-A") && differs(less) {
			smallest = less
		}
	}
	last, _ := try(smallest, found.sample)
	t.Errorf("ruleset %d, IPv%d:\n%s%s", n, g.family, smallest, last.text)
}

// difference is a packet of which the kernel and the engine think differently.
type difference struct {
	sample int
	text   string
}

// compareRuleset loads rules and sends them packets: all, or the one of a number.
func compareRuleset(t *testing.T, s *site, g *generator, rules string, r *rand.Rand, one int) (difference, error) {
	b := &bench{site: s, family: g.family}
	if !g.dump {
		b.setsText = setsOf(g.family)
	}
	b.fill(t, "")
	if err := b.loadMost(rules + silence(g.sends)); err != nil {
		return difference{}, err
	}
	saved, err := exec.Command(b.tool() + "-save").Output()
	must(t, err)
	if b.firewall, err = exact.Read(g.family, saved, []byte(b.setsText)); err != nil {
		return difference{}, fmt.Errorf("%w\n%s", err, saved)
	}
	b.world = exact.NewWorld(g.family, b.firewall)
	walked := map[exact.Hook]*exact.Result{}
	for _, hook := range hooks {
		walked[hook] = b.world.Walk(b.firewall, hook, b.world.Possible())
	}
	var samples []sample
	for n := range each {
		x, ok := b.decided(r, g.sends, walked)
		if ok && (one < 0 || one == n) {
			x.number = n
			samples = append(samples, x)
		}
	}
	b.compared = map[exact.RuleID]bool{}
	for id := range b.firewall.Rules() {
		_, in := walked[exact.Input].Reach[id]
		_, on := walked[exact.Forward].Reach[id]
		_, out := walked[exact.Output].Reach[id]
		b.compared[id] = id.Table != "security" && (g.sends || !out || in || on)
	}
	b.before = b.counted(t)
	if one < 0 {
		tried.note(samples)
	}
	return b.firstDifference(t, samples), nil
}

// tried is how much was tried.
var tried tally

type tally struct {
	rulesets, packets, steps int
	// late counts the rulesets of which one packet differed, and not again.
	late int
}

func (n *tally) note(samples []sample) {
	n.rulesets++
	n.packets += len(samples)
	for _, x := range samples {
		n.steps += len(x.way)
	}
}

// report says how much was tried. It fails a test that tried next to nothing.
func (n *tally) report(t *testing.T) {
	t.Helper()
	fmt.Printf("%d random rulesets, %d packets, which met %d rules; %d late packets\n", n.rulesets, n.packets, n.steps, n.late)
	if n.late > 1+n.rulesets/50 {
		t.Errorf("%d of %d rulesets differed once, and not again: that is more than late packets", n.late, n.rulesets)
	}
	if n.packets < n.rulesets*each/2 || n.steps < n.packets {
		t.Errorf("too little was tried: %+v", *n)
	}
}

// silence is a table behind filter that drops what the server answers.
func silence(sends bool) string {
	if sends {
		return ""
	}
	return "*security\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -j DROP\n-A OUTPUT -j DROP\nCOMMIT\n"
}

// firstDifference sends packets, and finds the first of which the kernel and the engine
// think differently.
func (b *bench) firstDifference(t *testing.T, samples []sample) difference {
	must(t, netlink.ConntrackTableFlush(netlink.ConntrackTable))
	b.fill(t, "")
	expected, faults := counts{}, ""
	for _, x := range samples {
		shape, _ := shaped(nil)
		must(t, b.transmit(x.Packet, x.by, shape))
		for _, id := range x.way {
			expected[id]++
		}
		faults += x.fault
	}
	met, text := b.since(t), faults
	for id := range b.firewall.Rules() {
		if met[id] != expected[id] && b.compared[id] {
			text += fmt.Sprintf("  the kernel has met %v %d times, the engine %d times: %s\n", id, met[id], expected[id], b.firewall.Text(id))
		}
	}
	switch {
	case text == "":
		return difference{}
	case len(samples) == 1:
		return difference{samples[0].number, fmt.Sprintf("%v, in %s out %s (%v)\n%s", samples[0].Packet, samples[0].In, samples[0].Out, samples[0].verdict, text)}
	}
	for _, half := range [][]sample{samples[:len(samples)/2], samples[len(samples)/2:]} {
		if d := b.firstDifference(t, half); d.text != "" {
			return d
		}
	}
	return difference{samples[0].number, "together, and not alone:\n" + text}
}

// decided is a random packet and what the engine says of it; ok is false for one of which
// the rules do not tell what becomes of it.
func (b *bench) decided(r *rand.Rand, sends bool, walked map[exact.Hook]*exact.Result) (x sample, ok bool) {
	hook := exact.Output
	in := interfaces[r.IntN(len(interfaces))]
	out := interfaces[r.IntN(len(interfaces))]
	switch {
	case sends:
		x.by.Packet = exact.Packet{Family: b.family, Out: out, Destination: b.links[out].beyond[b.family]}
	case r.IntN(2) == 0 || in == out:
		hook = exact.Input
		x.by.Packet = exact.Packet{Family: b.family, In: in, Destination: b.links[in].server[b.family]}
	default:
		hook = exact.Forward
		x.by.Packet = exact.Packet{Family: b.family, In: in, Out: out, Destination: b.links[out].beyond[b.family]}
	}
	if x.Packet, ok = b.random(r, x.by); !ok {
		return x, false
	}
	x.Values[exact.Length] = uint64(100 + r.IntN(800))
	b.follow(&x, hook)
	switch to := x.verdict.With; {
	case strings.HasPrefix(to, "-j DNAT"):
		hook, x.Out = exact.Forward, interfaces[1]
		b.follow(&x, hook)
	case strings.HasPrefix(to, "-j REDIRECT"):
		hook, x.Out = exact.Input, ""
		b.follow(&x, hook)
	case hook == exact.Forward && b.translates(x.way):
		x.Out = interfaces[1]
		b.follow(&x, hook)
	}
	if x.verdict.Kind == exact.Other || x.In == x.Out || b.depends(x, hook) {
		return x, false
	}
	return x, b.agrees(&x, walked[hook])
}

// depends reports whether the way of a packet is another if matches hold of which the test
// does not know whether they do.
func (b *bench) depends(x sample, hook exact.Hook) bool {
	conditions := slices.Clone(x.conditions)
	for _, f := range b.world.Facts() {
		if _, known := b.truth(f, x.Packet); !known && f.Kind == exact.Asked && !strings.HasPrefix(f.Text, "-m limit ") {
			conditions = append(conditions, exact.Condition{Fact: f, Holds: !f.Usual()})
		}
	}
	way, _ := b.world.Follow(b.firewall, hook, x.Packet, conditions)
	return !slices.Equal(way, x.way)
}

// translates reports whether a rule of a way is DNAT.
func (b *bench) translates(way []exact.RuleID) bool {
	return slices.ContainsFunc(way, func(id exact.RuleID) bool { return strings.Contains(b.firewall.Text(id), "-j DNAT") })
}

// follow has the engine say what becomes of a packet.
func (b *bench) follow(x *sample, hook exact.Hook) {
	x.conditions = nil
	for _, f := range b.world.Facts() {
		if holds, known := b.truth(f, x.Packet); known {
			x.conditions = append(x.conditions, exact.Condition{Fact: f, Holds: holds})
		}
	}
	x.way, x.verdict = b.world.Follow(b.firewall, hook, x.Packet, x.conditions)
}

// truth is whether a fact holds for a packet from a source of its own.
func (b *bench) truth(f exact.Fact, p exact.Packet) (holds, known bool) {
	if f.Kind != exact.Asked {
		return f.Kind == exact.Room, f.Which == 0 // a list has its addresses
	}
	const address = "the address of the interface is "
	switch text := f.Text; {
	case strings.HasSuffix(text, "--dst-type BROADCAST"), strings.HasSuffix(text, "--src-type BROADCAST"):
		return false, true
	case strings.HasSuffix(text, "--dst-type LOCAL"):
		return b.isServer(p.Destination), true
	case strings.HasPrefix(text, address):
		return b.within(strings.TrimPrefix(text, address+"in "), b.redirects(p.In)), true
	case text == "the packet was sent to another address than that of the interface":
		return p.In != "" && p.Destination != b.redirects(p.In), true
	case strings.HasPrefix(text, "the translated destination is "):
		return false, true // it is an address of another host
	}
	return false, false
}

// redirects is the address to which REDIRECT leads: of an interface the first one, which for
// IPv6 was added last.
func (b *bench) redirects(in string) netip.Addr {
	if in == lab.ServerInterface && b.family == ruleset.V6 {
		return published[b.family]
	}
	return b.links[in].server[b.family]
}

func (b *bench) isServer(a netip.Addr) bool {
	for _, l := range b.links {
		if l.server[b.family] == a {
			return true
		}
	}
	return a == published[b.family]
}

// within reports whether an address is in a prefix, a range or a set.
func (b *bench) within(what string, a netip.Addr) bool {
	if p, err := netip.ParsePrefix(what); err == nil {
		return p.Contains(a)
	}
	low, high, _ := strings.Cut(what, "-")
	if first, err := netip.ParseAddr(low); err == nil {
		return first.Compare(a) <= 0 && a.Compare(netip.MustParseAddr(high)) <= 0
	}
	for name, members := range b.firewall.KnownSets() {
		if name == what || strings.HasPrefix(what, "either") && (strings.HasPrefix(name, "few") || strings.HasPrefix(name, "here")) {
			if members.Contains(a) {
				return true
			}
		}
	}
	return false
}

// agrees reports that the walk of all packets gives this one the same verdict; if not it is
// made one that no kernel has.
func (b *bench) agrees(x *sample, walked *exact.Result) bool {
	g, w := b.world.Graph(), b.world
	conditions := map[exact.Fact]bool{}
	for _, c := range x.conditions {
		conditions[c.Fact] = c.Holds
	}
	known := func(v int) bdd.Value {
		if w.IsFact(v) {
			if holds, stated := conditions[w.Fact(v)]; stated {
				return bdd.Of(holds)
			}
			if f := w.Fact(v); f.Kind == exact.Asked || f.Which == 0 {
				return bdd.Of(w.Fact(v).Usual())
			}
		}
		return bdd.Unknown
	}
	n := g.And(w.Settle(g.Where(walked.Verdicts[x.verdict], known)), w.Packets(x.Packet))
	if n == bdd.False {
		x.fault = fmt.Sprintf("  the walk of all packets does not give %v: %v\n", x.Packet, x.verdict)
	}
	return true
}

// loadMost loads rules, without those lines that the tool does not take: matches that do not
// go together.
func (b *bench) loadMost(text string) error {
	lines := strings.SplitAfter(text, "\n")
	for range 20 {
		cmd := exec.Command(b.tool() + "-restore")
		cmd.Stdin = strings.NewReader(strings.Join(lines, ""))
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		found := refusedLine.FindSubmatch(out)
		number := 0
		if found != nil {
			number, _ = strconv.Atoi(string(found[1]))
		}
		if number == 0 || number > len(lines) || !strings.HasPrefix(lines[number-1], "-A") {
			return errors.New(string(out) + strings.Join(lines, ""))
		}
		lines = slices.Delete(lines, number-1, number)
	}
	return errors.New("iptables-restore refuses most rules")
}

var refusedLine = regexp.MustCompile(`line:? (\d+)`)
