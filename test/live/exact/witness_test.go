package exact

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// Each rule of INPUT is sent a packet that the engine says meets it, and the kernel's
// counters name the very rules that the engine names. What needs an open connection, or a
// limit that is used up, is not sent; least says how many rules must be.
func TestWitnessesNFT(t *testing.T)    { witnesses(t, "nft", names("server", "web")...) }
func TestWitnessesLegacy(t *testing.T) { witnesses(t, "legacy", "web") }

func witnesses(t *testing.T, backend string, profiles ...string) {
	lab.UseBackend(t, backend)
	client := lab.NewNetwork(t).Host("client", "192.0.2.9", "2001:db8::9")
	for _, profile := range profiles {
		for _, family := range ruleset.Families {
			t.Run(fmt.Sprintf("%s/IPv%d", profile, family), func(t *testing.T) {
				lab.FlushState(t)
				defer lab.FlushState(t)
				b := newBench(t, client, profile, family)
				sent := b.sendAll(t)
				t.Logf("%d of %d rules of INPUT have met their witness; the others need %v", sent, len(b.rules), b.needs)
				if sent*100 < len(b.rules)*least {
					t.Errorf("%d of %d rules have met their witness; %d %% was wanted", sent, len(b.rules), least)
				}
			})
		}
	}
}

// least is how many rules in a hundred are sent a packet.
const least = 60

// bench is a server with the rules of a profile.
type bench struct {
	client      *lab.Host
	family      ruleset.Family
	rulesText   []byte
	setsText    []byte
	firewall    *exact.Firewall
	world       *exact.World
	reach       map[exact.RuleID]bdd.Node
	rules       []exact.RuleID // that INPUT leads to
	needs       map[string]int // what the rules need that were not sent a packet
	others      map[exact.RuleID]bool
	used        bdd.Node // sources, by which limits count
	destination []netip.Addr
}

func newBench(t *testing.T, client *lab.Host, profile string, family ruleset.Family) *bench {
	t.Helper()
	b := &bench{client: client, family: family, needs: map[string]int{}, others: map[exact.RuleID]bool{}}
	folder := filepath.Join("..", "..", "..", "golden", profile)
	b.rulesText = read(t, filepath.Join(folder, fmt.Sprintf("rules.v%d", family)))
	b.setsText = read(t, filepath.Join(folder, "ipsets"))
	var err error
	if b.firewall, err = exact.Read(family, b.rulesText, b.setsText); err != nil {
		t.Fatal(err)
	}
	b.world = exact.NewWorld(family, b.firewall)
	b.reach = b.world.Walk(b.firewall, exact.Input, b.world.Fresh()).Reach
	everything := b.world.Walk(b.firewall, exact.Input, b.world.Possible()).Reach
	for id := range b.firewall.Rules() {
		if n, met := everything[id]; met && b.world.Settle(n) != bdd.False {
			b.rules = append(b.rules, id)
		}
	}
	b.destination = []netip.Addr{netip.MustParseAddr(lab.ServerV4), netip.MustParseAddr("224.0.0.1")}
	if family == ruleset.V6 {
		b.destination = []netip.Addr{netip.MustParseAddr(lab.ServerV6), netip.MustParseAddr("ff02::1")}
	}
	b.noteOthers(t)
	return b
}

// noteOthers notes the rules that other packets meet, which no test can stop: neighbour
// discovery, and errors that the server sends itself, since no host has the sources.
func (b *bench) noteOthers(t *testing.T) {
	others := []string{"icmp 192.0.2.1 -> 192.0.2.1 type 3/1 related in lo", "icmpv6 2001:db8::1 -> 2001:db8::1 type 1/3 related in lo"}
	for kind := 130; kind <= 143; kind++ {
		for _, state := range []string{"untracked", "invalid"} {
			others = append(others, fmt.Sprintf("icmpv6 2001:db8::9 -> 2001:db8::1 type %d %s ttl 255", kind, state))
		}
	}
	for _, text := range others {
		p, err := exact.ParsePacket(text)
		if err != nil {
			t.Fatal(err)
		}
		if p.Family != b.family {
			continue
		}
		way, _ := b.world.Follow(b.firewall, exact.Input, p, nil)
		for _, id := range way {
			b.others[id] = true
		}
	}
}

// sendAll sends each rule its witness.
func (b *bench) sendAll(t *testing.T) (sent int) {
	for n, id := range b.rules {
		p, conditions, ok := b.witness(id, n)
		if !ok {
			b.needs["a connection, another destination or interface"]++
			continue
		}
		s, ok := shaped(conditions)
		if !ok {
			b.needs["a state that this test does not make"]++
			continue
		}
		if !b.prepare(t, p, conditions) {
			b.needs["a set that is full"]++
			continue
		}
		sent++
		b.compare(t, id, p, conditions, s)
	}
	return sent
}

// witness returns a packet that can be sent here and now and that meets a rule.
func (b *bench) witness(id exact.RuleID, n int) (p exact.Packet, conditions []exact.Condition, ok bool) {
	g := b.world.Graph()
	for _, destination := range b.destination {
		here := exact.Packet{Family: b.family, Destination: destination, In: lab.ServerInterface}
		from := here
		from.Source = sourceOf(b.family == ruleset.V4, n)
		all := g.And(b.reach[id], b.world.Packets(here))
		for _, narrowed := range []bdd.Node{g.And(all, b.world.Packets(from)), g.Without(b.world.Settle(all), b.used)} {
			p, conditions, ok = b.world.Witness(narrowed)
			if ok && p.Source.IsGlobalUnicast() && !slices.Contains(b.destination, p.Source) {
				b.used = g.Or(b.used, b.world.Within(exact.Source, netip.PrefixFrom(p.Source, counts[b.family])))
				return p, conditions, true
			}
		}
	}
	return p, nil, false
}

// prepare loads the rules and sets anew, and puts into sets what conditions say.
func (b *bench) prepare(t *testing.T, p exact.Packet, conditions []exact.Condition) bool {
	t.Helper()
	var sets strings.Builder
	for line := range setfile.Lines(string(b.setsText)) {
		if line.Command == setfile.Create {
			fmt.Fprintf(&sets, "flush %s\n", line.Set)
		}
	}
	for line := range setfile.Lines(string(b.setsText)) {
		if line.Command == setfile.Add {
			sets.WriteString(line.Text)
		}
	}
	for _, c := range conditions {
		switch {
		case c.Fact.Kind == exact.Member && c.Holds:
			fmt.Fprintf(&sets, "add %s %s%s\n", c.Fact.Set, element(p, c.Fact.Direction), counted(conditions, c.Fact))
		case c.Fact.Kind != exact.Counted && c.Fact.Kind != exact.Asked:
			return false
		}
	}
	feed(t, b.create()+sets.String(), "ipset", "-exist", "restore")
	feed(t, string(b.rulesText), b.tool()+"-restore")
	return true
}

// create are the lines that make the sets.
func (b *bench) create() string {
	var sets strings.Builder
	for line := range setfile.Lines(string(b.setsText)) {
		if line.Command == setfile.Create {
			sets.WriteString(line.Text)
		}
	}
	return sets.String()
}

// element is what a set holds of a packet.
func element(p exact.Packet, direction string) string {
	address, port := p.Source, p.Values[exact.DestinationPort]
	if strings.HasPrefix(direction, "dst") {
		address = p.Destination
	}
	if strings.HasSuffix(direction, ",src") {
		port = p.Values[exact.SourcePort]
	}
	if !strings.Contains(direction, ",") {
		return address.String()
	}
	return fmt.Sprintf("%v,%s:%d", address, map[uint64]string{tcp: "tcp", udp: "udp"}[p.Values[exact.Protocol]], port)
}

// counted is what the entry has counted, where a condition says it.
func counted(conditions []exact.Condition, member exact.Fact) string {
	for _, c := range conditions {
		if c.Fact.Kind == exact.Counted && c.Holds && c.Fact.Set == member.Set && c.Fact.Direction == member.Direction {
			return fmt.Sprintf(" packets %d bytes 0", c.Fact.Above+20)
		}
	}
	return ""
}

// compare sends a packet that must meet a rule.
func (b *bench) compare(t *testing.T, id exact.RuleID, p exact.Packet, conditions []exact.Condition, s shape) {
	t.Helper()
	if way := b.compareWay(t, p, conditions, s); !slices.Contains(way, id) {
		t.Errorf("%v, %v: the engine's own way %v has not %v", p, conditions, way, id)
	}
}

// compareWay sends a packet and compares the rules that have counted it with those that the
// engine names.
func (b *bench) compareWay(t *testing.T, p exact.Packet, conditions []exact.Condition, s shape) (way []exact.RuleID) {
	t.Helper()
	way, verdict := b.world.Follow(b.firewall, exact.Input, p, conditions)
	if err := send(b.client, p, s); err != nil {
		t.Fatalf("%v: %v", p, err)
	}
	met := b.counted(t)
	for _, id := range b.rules {
		if expected := slices.Contains(way, id); expected != met[id] && !(met[id] && b.others[id]) {
			t.Errorf("%v, if %v (%v): the kernel has met %v: %v, the engine: %v\n  %s", p, conditions, verdict, id, met[id], expected, b.firewall.Text(id))
		}
	}
	return way
}

// counted are the rules that have counted a packet.
func (b *bench) counted(t *testing.T) map[exact.RuleID]bool {
	t.Helper()
	out, err := exec.Command(b.tool()+"-save", "-c").Output()
	if err != nil {
		t.Fatal(err)
	}
	save, err := tablefile.Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	met := map[exact.RuleID]bool{}
	for _, table := range save.Tables {
		for _, c := range table.Chains {
			for i, r := range c.Rules {
				met[exact.RuleID{Table: table.Name, Chain: c.Name, Number: i + 1}] = r.Packets > 0
			}
		}
	}
	return met
}

func (b *bench) tool() string {
	if b.family == ruleset.V6 {
		return "ip6tables"
	}
	return "iptables"
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func feed(t *testing.T, text, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// counts is the length of prefix by which limits count sources.
var counts = map[ruleset.Family]int{ruleset.V4: 32, ruleset.V6: 64}

// others are profiles to try in place of those that a test names: "-profiles=mail,dns".
var others = flag.String("profiles", "", "the built-in profiles to send packets to, in place of those of each test")

func names(usual ...string) []string {
	if *others == "" {
		return usual
	}
	return strings.Split(*others, ",")
}
