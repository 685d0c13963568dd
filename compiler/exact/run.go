package exact

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// People and programs write chains of hundreds of rules that all accept, or all drop. Taken
// one by one, each would make the diagram of the packets that are left, and of those that are
// accepted, anew. So such a run is one function, of the matches alone, which meets the packets
// once.

// manyAlike is how many rules are such a run.
const manyAlike = 6

// countAlike counts for each rule of a chain how many rules do the same from there on.
func countAlike(rules []*rule) {
	for i := len(rules) - 1; i >= 0; i-- {
		r := rules[i]
		switch {
		case !r.decides():
			r.alike = 0
		case i+1 < len(rules) && rules[i+1].alike > 0 && rules[i+1].target.same(r.target):
			r.alike = rules[i+1].alike + 1
		default:
			r.alike = 1
		}
	}
}

// decides reports whether a rule looks at nothing but the packet, and only gives a verdict.
func (r *rule) decides() bool {
	return len(r.moving) == 0 && !r.target.chain && slices.Contains([]string{"ACCEPT", "DROP", "REJECT"}, r.target.name)
}

// same reports whether two targets do the same.
func (t target) same(u target) bool { return t.name == u.name && slices.Equal(t.options, u.options) }

// run sends packets through rules that do the same, and returns those that go on.
func (w *walk) run(table string, rules []*rule, packets bdd.Node) bdd.Node {
	any := w.anyOf(table, rules, packets)
	met, t := w.g.And(packets, any), rules[0].target
	if t.name == "ACCEPT" {
		w.accepted = w.g.Or(w.accepted, met)
	} else {
		w.verdict(t.refusal(), met)
	}
	return w.g.Without(packets, any)
}

// anyOf is true where the matches of any of some rules hold, and notes what each decides.
func (w *walk) anyOf(table string, rules []*rule, packets bdd.Node) bdd.Node {
	alike := w.alikeTo()
	if w.brief {
		all := make([]bdd.Node, len(rules))
		for i, r := range rules {
			all[i] = w.g.And(w.fixed(r), alike)
		}
		return union(w.g, all)
	}
	any := bdd.False
	for _, r := range rules {
		matching := w.g.And(w.fixed(r), alike)
		if met := w.g.And(packets, w.g.Without(matching, any)); met != bdd.False {
			w.reached(r, met)
			w.decidedBy(table, r, met)
		}
		any = w.g.Or(any, matching)
	}
	return any
}

// alikeTo are the packets that are like some before any rule, in what people ask for: who asks
// for one port, or one source, asks of little else.
func (w *walk) alikeTo() bdd.Node {
	if w.began == bdd.False {
		return bdd.True
	}
	return w.g.Any(w.began, func(v int) bool {
		f, isField := w.FieldOf(v)
		return !isField || f != Source && f != Destination && f != Protocol && f != DestinationPort
	})
}

// decidedBy notes which rule decides packets, as act does.
func (w *walk) decidedBy(table string, r *rule, packets bdd.Node) {
	switch {
	case r.target.name != "ACCEPT":
		w.decision(r.id, r.target.refusal(), packets)
	case table == "filter":
		w.decision(r.id, Verdict{Kind: Accept}, packets)
	}
}
