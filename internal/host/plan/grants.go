package plan

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// grant is one way on which a packet gets in: everything that the rules ask from
// a built-in chain to one that accepts. What is refused before is not looked at.
type grant struct {
	hook     string // the built-in chain
	protocol string // empty for any
	not      bool   // any protocol but that
	ports    []span // destination ports; nil for any
	sources  netset.Set
	// rest is what else is asked, each in the words of the rule, in order.
	rest []string
	// rules are those on the way, and sets the names of those that they ask for the
	// source.
	rules []place
	sets  []string
}

// span is a range of ports.
type span struct{ first, last int }

// place is a rule by its chain and its number in that.
type place struct {
	chain  string
	number int
}

// everywhere are all addresses of a family.
var everywhere = map[ruleset.Family]netset.Set{
	ruleset.V4: netset.Of(netip.MustParsePrefix("0.0.0.0/0")),
	ruleset.V6: netset.Of(netip.MustParsePrefix("::/0")),
}

// walk finds the grants of one table.
type walk struct {
	table tablefile.Table
	sets  map[string]state.Set
	found []grant
}

// grants returns the ways in of one table, by the rules of ours.
func grants(family ruleset.Family, table tablefile.Table, sets map[string]state.Set) []grant {
	w := walk{table: table, sets: sets}
	for _, c := range table.Chains {
		if !owned.Chain(c.Name) {
			w.chain(c, grant{hook: c.Name, sources: everywhere[family]}, 0)
		}
	}
	return w.found
}

// chain goes through the rules of a chain to which g leads. From a chain that is
// not ours only our jumps lead on.
func (w *walk) chain(c tablefile.Chain, g grant, depth int) {
	for i, r := range c.Rules {
		target := r.Target()
		next := w.table.Chain(target)
		ours := next != nil && owned.Chain(target)
		if depth == 0 && !ours {
			continue
		}
		// What our chain in FORWARD returns goes on to the rules of others.
		lets := target == "ACCEPT" || depth == 1 && g.hook == "FORWARD" && target == "RETURN"
		if !ours && !lets {
			continue
		}
		narrowed, possible := w.narrow(g, r)
		if !possible || len(g.rules) > len(w.table.Chains) {
			continue
		}
		narrowed.rules = append(slices.Clone(g.rules), place{c.Name, i + 1})
		if lets {
			w.found = append(w.found, narrowed)
			continue
		}
		w.chain(*next, narrowed, depth+1)
	}
}

// narrow adds what a rule asks to a grant, and reports whether any packet can be
// what both ask.
func (w *walk) narrow(g grant, r tablefile.Rule) (grant, bool) {
	asked, err := r.Matches()
	if err != nil {
		return g, false
	}
	g.rest, g.sets = slices.Clone(g.rest), slices.Clone(g.sets)
	for _, m := range asked {
		if !w.understood(&g, m) {
			g.rest = append(g.rest, question(m))
		}
	}
	slices.Sort(g.rest)
	g.rest = slices.Compact(g.rest)
	return g, !g.sources.IsEmpty() && g.protocol != impossible && (g.ports == nil || len(g.ports) > 0)
}

// impossible is the protocol of no packet.
const impossible = "none"

// understood takes a question of a rule into a grant, and reports whether it is
// one that is known here.
func (w *walk) understood(g *grant, m tablefile.Match) bool {
	if protocol, not, is := m.Protocol(); is {
		return g.ask(protocol, not)
	}
	if prefix, is := m.Source(); is {
		g.sources = g.sources.Intersect(netset.Of(prefix))
		return true
	}
	if ports, is := m.DestinationPorts(); is {
		g.ports = common(g.ports, ports)
		return true
	}
	if asked, is := m.InSet(); is {
		return w.inSet(g, asked)
	}
	return m.Name == "comment" || len(m.Words) == 0 // "-m tcp" alone asks no more than -p
}

// inSet is understood of a match of a set.
func (w *walk) inSet(g *grant, m tablefile.SetMatch) bool {
	set, known := w.sets[m.Set]
	if !known || m.Not || m.Direction != "src" || set.Dynamic || set.Type != ruleset.HashNet || set.Odd > 0 {
		return false
	}
	g.sources, g.sets = g.sources.Intersect(set.Members), append(g.sets, m.Set)
	return true
}

// question is what a match asks, in its words. Names and sizes of hashlimit's tables
// are left out, since they ask nothing.
func question(m tablefile.Match) string {
	var words []string
	for i := 0; i < len(m.Words); i++ {
		if word := m.Words[i]; strings.HasPrefix(word, "--hashlimit-name") || strings.HasPrefix(word, "--hashlimit-htable") {
			i++
			continue
		}
		words = append(words, m.Words[i])
	}
	return tablefile.Match{Name: m.Name, Words: words}.String()
}

// ask takes a question for the protocol into a grant.
func (g *grant) ask(protocol string, not bool) bool {
	same := g.protocol == protocol
	switch {
	case g.protocol == "":
		g.protocol, g.not = protocol, not
	case g.not && not:
		return same
	case g.not && !same:
		g.protocol, g.not = protocol, false
	case same == (g.not || not):
		g.protocol, g.not = impossible, false
	}
	return true
}

// speaks reports whether a packet of a protocol can be let in.
func (g grant) speaks(protocol string) bool {
	return g.protocol == "" || g.not != (g.protocol == protocol)
}

// common are the ports that both have; nil has any.
func common(a []span, b []bundle.Port) []span {
	if a == nil {
		a = []span{anyPort}
	}
	both := []span{}
	for _, x := range a {
		for _, y := range b {
			if s := (span{max(x.first, int(y.First)), min(x.last, int(y.Last))}); s.first <= s.last {
				both = append(both, s)
			}
		}
	}
	return both
}
