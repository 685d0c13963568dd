package exact

import (
	"bytes"
	"fmt"
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
)

// bench is a server with the rules of one family, and what the engine says of them.
type bench struct {
	*site
	family   ruleset.Family
	firewall *exact.Firewall
	world    *exact.World
	fresh    map[exact.Hook]map[exact.RuleID]bdd.Node // who meets a rule without a connection
	any      map[exact.Hook]map[exact.RuleID]bdd.Node // and in any state
	setsText string
	full     []string              // sets that are smaller than setsText says
	used     bdd.Node              // sources, by which limits and sets count
	next     int                   // the number of the next source
	loaded   string                // the rules as they were loaded last
	compared map[exact.RuleID]bool // of a ruleset: those that nothing else meets
	before   counts
}

var hooks = []exact.Hook{exact.Input, exact.Forward, exact.Output}

// counts is how many packets rules have met.
type counts map[exact.RuleID]uint64

// gag is a table behind filter: what the rules accept goes no further, so that nothing of
// the server answers. Its counters are the packets that the rules accept.
const gag = `*security
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -j DROP
-A FORWARD -j DROP
-A OUTPUT ! -o lo -j DROP
COMMIT
`

// dnat leads packets to the published address to a host behind the second interface, as
// the owner of a gateway has it.
func dnat(family ruleset.Family) string {
	to := "10.9.1.2"
	if family == ruleset.V6 {
		to = "fd00:9:1::2"
	}
	return fmt.Sprintf("*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"+
		"-A PREROUTING -d %s/%d -j DNAT --to-destination %s\nCOMMIT\n", published[family], family.Bits(), to)
}

// ofProfile is the bench of a built-in profile.
func ofProfile(t *testing.T, s *site, profile string, family ruleset.Family) *bench {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "golden", profile)
	rules := read(t, filepath.Join(folder, fmt.Sprintf("rules.v%d", family)))
	return newBench(t, s, family, string(rules)+dnat(family), string(read(t, filepath.Join(folder, "ipsets"))))
}

func newBench(t *testing.T, s *site, family ruleset.Family, rules, sets string) *bench {
	t.Helper()
	b := &bench{site: s, family: family, setsText: sets, fresh: map[exact.Hook]map[exact.RuleID]bdd.Node{}, any: map[exact.Hook]map[exact.RuleID]bdd.Node{}}
	var err error
	b.firewall, err = exact.Read(family, []byte(rules), []byte(sets))
	must(t, err)
	b.world = exact.NewWorld(family, b.firewall)
	for _, hook := range hooks {
		b.fresh[hook] = b.world.Walk(b.firewall, hook, b.world.Fresh()).Reach
		b.any[hook] = b.world.Walk(b.firewall, hook, b.world.Possible()).Reach
	}
	return b
}

// roomy is a rule whose limit, which all sources share, has room for a batch of packets.
func roomy(r tablefile.Rule) tablefile.Rule {
	asked, _ := r.Matches() // the engine has split it
	for _, m := range asked {
		if m.Name == "limit" {
			r.Spec = strings.Replace(r.Spec, m.String(), "-m limit --limit 10000/sec --limit-burst 10000", 1)
		}
	}
	return r
}

// load loads rules, with what is other in some of them.
func (b *bench) load(t *testing.T, others map[exact.RuleID]func(tablefile.Rule) tablefile.Rule) {
	t.Helper()
	var tables []tablefile.Table
	for _, table := range b.firewall.Tables {
		table.Chains = slices.Clone(table.Chains)
		for i, c := range table.Chains {
			c.Rules = slices.Clone(c.Rules)
			for j := range c.Rules {
				other := others[exact.RuleID{Table: table.Name, Chain: c.Name, Number: j + 1}]
				if other == nil {
					other = roomy
				}
				c.Rules[j] = other(c.Rules[j])
			}
			table.Chains[i] = c
		}
		tables = append(tables, table)
	}
	if text := string(tablefile.Render(tables, false)) + gag; text != b.loaded {
		feed(t, text, b.tool()+"-restore")
		b.loaded = text
	}
	b.before = b.counted(t)
}

// fill empties the sets and gives them what the text of sets says, and more.
func (b *bench) fill(t *testing.T, more string) {
	t.Helper()
	var create, add strings.Builder
	for line := range setfile.Lines(b.setsText) {
		switch {
		case line.Command == setfile.Create && slices.Contains(b.full, line.Set):
			create.WriteString(swapped(line.Set, line.Text))
		case line.Command == setfile.Create:
			create.WriteString(line.Text)
			fmt.Fprintf(&add, "flush %s\n", line.Set)
		case line.Command == setfile.Add:
			add.WriteString(line.Text)
		}
	}
	b.full = nil
	feed(t, create.String()+add.String()+more, "ipset", "-exist", "restore")
}

// swapped puts an empty set that is made in another way in the place of one.
func swapped(name, create string) string {
	const other = "in-its-place"
	return strings.Replace(create, " "+name+" ", " "+other+" ", 1) + fmt.Sprintf("swap %s %s\ndestroy %s\n", other, name, other)
}

// counted are how many packets the rules have met by now.
func (b *bench) counted(t *testing.T) counts {
	t.Helper()
	out, err := exec.Command(b.tool()+"-save", "-c").Output()
	must(t, err)
	save, err := tablefile.Parse(out)
	must(t, err)
	met := counts{}
	for _, table := range save.Tables {
		for _, c := range table.Chains {
			for i, r := range c.Rules {
				met[exact.RuleID{Table: table.Name, Chain: c.Name, Number: i + 1}] = r.Packets
			}
		}
	}
	return met
}

// since are the packets since the last look.
func (b *bench) since(t *testing.T) counts {
	now := b.counted(t)
	met := counts{}
	for id, n := range now {
		met[id] = n - b.before[id]
	}
	b.before = now
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
	must(t, err)
	return text
}

func feed(t *testing.T, text, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(text)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, &out)
	}
}
