package plan

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

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
	words, err := tablefile.Words(r.Spec)
	if err != nil {
		return g, false
	}
	g.rest, g.sets = slices.Clone(g.rest), slices.Clone(g.sets)
	for _, m := range asked(words) {
		if !w.understood(&g, m) {
			g.rest = append(g.rest, strings.Join(m, " "))
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
func (w *walk) understood(g *grant, m []string) bool {
	switch {
	case m[0] == "comment":
	case len(m) >= 2 && m[len(m)-2] == "-p":
		return g.ask(m[len(m)-1], m[0] == "!")
	case len(m) == 2 && m[0] == "-s":
		prefix, err := netip.ParsePrefix(m[1])
		if err != nil {
			return false
		}
		g.sources = g.sources.Intersect(netset.Of(prefix))
	case len(m) == 3 && (m[1] == "--dport" || m[1] == "--dports"):
		ports, ok := spans(m[2])
		if ok {
			g.ports = common(g.ports, ports)
		}
		return ok
	case len(m) == 4 && m[1] == "--match-set" && m[3] == "src":
		set, known := w.sets[m[2]]
		if !known || set.Dynamic || set.Type != ruleset.HashNet || set.Odd > 0 {
			return false
		}
		g.sources, g.sets = g.sources.Intersect(set.Members), append(g.sets, m[2])
	default:
		return len(m) == 1 // "-m tcp" alone asks no more than -p
	}
	return true
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

// asked splits the words of a rule into its questions: an option with its values,
// or a match with its options, each with the "!" before it. Names and sizes of
// hashlimit's tables are left out, since they are no question.
func asked(words []string) (all [][]string) {
	var m []string
	flush := func() {
		if m != nil {
			all = append(all, m)
		}
		m = nil
	}
	for i := 0; i < len(words); i++ {
		word, not := words[i], i > 0 && words[i-1] == "!"
		switch {
		case word == "-j", word == "-g":
			flush()
			return all
		case word == "!":
		case word == "-m" && i+1 < len(words):
			flush()
			i++
			m = []string{words[i]}
		case len(word) == 2 && word[0] == '-' && strings.Contains("psdio", word[1:]):
			flush()
			m = negated(nil, not, word)
		case strings.HasPrefix(word, "--hashlimit-name"), strings.HasPrefix(word, "--hashlimit-htable"):
			i++
		default:
			m = negated(m, not, word)
		}
	}
	flush()
	return all
}

func negated(m []string, not bool, word string) []string {
	if not {
		m = append(m, "!")
	}
	return append(m, word)
}

// spans reads ports as a rule says them: "80", "1000:2000", "22,80".
func spans(text string) (all []span, ok bool) {
	for _, part := range strings.Split(text, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		first, err := strconv.Atoi(low)
		last, err2 := strconv.Atoi(high)
		if err != nil || err2 != nil {
			return nil, false
		}
		all = append(all, span{first, last})
	}
	return all, true
}

// common are the ports that both have; nil has any.
func common(a, b []span) []span {
	if a == nil {
		return b
	}
	both := []span{}
	for _, x := range a {
		for _, y := range b {
			if s := (span{max(x.first, y.first), min(x.last, y.last)}); s.first <= s.last {
				both = append(both, s)
			}
		}
	}
	return both
}
