// Package exact says of every packet what rules do with it, without sending one.
//
// A packet is a row of bits: addresses, protocol, ports, flags, conntrack's state,
// interfaces (field.go). A set of packets is a function of these bits (package bdd).
// Chains are walked once, with the set of packets that are still on their way: a
// rule takes from it what its matches hold for (walk.go). So the answer is for all
// packets, not for samples.
//
// What depends on time, or on what a host has seen, is a bit too: whether a source is
// in a set that packets fill, whether a limit is used up (fact.go). So the answer holds in
// every state, or names the states in which it does not. A match or target that
// this package does not know is such a bit as well: it answers "depends on -m geoip …",
// and does not guess.
//
// Rules are read in the form that iptables-save and ipset save print, the form of
// bundles. So one engine is for profiles, bundles and hosts that hardenctl has never
// seen. The package is pure.
package exact

import (
	"iter"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// World is the packets and states of one family. Sets of packets of one World can
// be compared, whichever firewall they come from.
type World struct {
	Family ruleset.Family

	g *bdd.Graph
	// possible is of Possible; False until it is asked for.
	possible bdd.Node
	fields   [fieldCount]field
	// fieldOf are the fields of the variables before the facts.
	fieldOf []Field
	// facts are about the variables between those of fields and of addresses, late about
	// those behind the addresses.
	facts, late         []Fact
	firstFact, lateFact int
	known               map[Fact]int
	// manyLimits says that the facts of single rules are late (limit.go).
	manyLimits bool
	// lists are sets with known members that a variable stands for.
	lists []list
	// interfaces are the names that rules use. The number of one is its place and 1;
	// 0 is any other interface.
	interfaces []string
	loaded     map[*Firewall]*loaded
	// limits are the matches of each text that take something (limit.go).
	limits map[string][]slot
	// numbers are what rules compare the counters of a set's entries with.
	numbers map[Lookup][]uint64
	// versions counts the changes of packets by rules, in all walks.
	versions int
}

// nodesOfRule is at most about how many nodes a rule of a profile takes, and mostRules that for
// which there is room from the beginning.
const (
	nodesOfRule = 400
	mostRules   = 320
)

// NewWorld returns the world of some firewalls of one family.
func NewWorld(family ruleset.Family, firewalls ...*Firewall) *World {
	w := &World{Family: family, known: map[Fact]int{}, loaded: map[*Firewall]*loaded{}, limits: map[string][]slot{}, numbers: map[Lookup][]uint64{}, versions: 1}
	w.layOut()
	w.interfaces = []string{loopback}
	rules := 0
	for _, f := range firewalls {
		rules += len(f.rules)
		w.noteNumbers(f)
		w.manyLimits = w.manyLimits || f.addressed() > mostLimits
		for _, name := range f.Interfaces() {
			if !slices.Contains(w.interfaces, name) {
				w.interfaces = append(w.interfaces, name)
			}
		}
	}
	w.g = bdd.New(min(rules, mostRules) * nodesOfRule)
	for _, all := range w.numbers {
		slices.Sort(all)
	}
	w.interfaces = w.interfaces[:min(len(w.interfaces), 1<<interfaceBits-1)]
	return w
}

// Graph holds the sets of packets of the world.
func (w *World) Graph() *bdd.Graph { return w.g }

// IsFact reports whether a variable is a Fact, and not a bit of a packet.
func (w *World) IsFact(variable int) bool {
	return w.firstFact <= variable && variable < firstAddress || variable >= w.lateFact
}

// Fact returns what a variable is about.
func (w *World) Fact(variable int) Fact {
	if variable >= w.lateFact {
		return w.late[variable-w.lateFact]
	}
	return w.facts[variable-w.firstFact]
}

// Facts are those that questions so far were about, by their variables' numbers.
func (w *World) Facts() iter.Seq2[int, Fact] {
	return func(yield func(int, Fact) bool) {
		for i, f := range w.facts {
			if !yield(w.firstFact+i, f) {
				return
			}
		}
		for i, f := range w.late {
			if !yield(w.lateFact+i, f) {
				return
			}
		}
	}
}

// fact returns the variable that is true where a fact holds.
func (w *World) fact(f Fact) bdd.Node {
	variable, known := w.known[f]
	if !known {
		variable = w.firstFact + len(w.facts)
		w.facts = append(w.facts, f)
		w.known[f] = variable
	}
	return w.g.Variable(variable)
}

// factOfRule is fact for what one rule asks: a late one, if many rules ask such things.
func (w *World) factOfRule(f Fact) bdd.Node {
	if _, known := w.known[f]; !known && w.manyLimits {
		w.known[f] = w.lateFact + len(w.late)
		w.late = append(w.late, f)
	}
	return w.fact(f)
}
