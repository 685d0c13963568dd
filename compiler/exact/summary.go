package exact

import (
	"cmp"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// summary is what a chain does with any packet, worked out once however many rules
// jump there. It is for packets for which no rule before has changed a set that the
// chain looks at; others are sent through the chain's rules.
type summary struct {
	verdicts  map[Verdict]bdd.Node
	reach     map[RuleID]bdd.Node
	decisions []Decision
	accepted  bdd.Node
	back      bdd.Node
	// sets and counts are those that the chain changes, as it leaves them.
	sets    map[Lookup]bdd.Node
	counts  map[countKey]bdd.Node
	touched map[string]bdd.Node
	// reads are the sets that it looks at, or a chain that it jumps to.
	reads map[string]bool
	// calls are the packets that it sends into other chains by their summary.
	calls map[place]bdd.Node
	// asks are the fields that it looks at.
	asks fieldSet
	// asksRoute says that a match asks what is another before routing and after, and routed
	// where it was worked out.
	asksRoute, routed bool
	// rewrites says that it changes packets, which a summary does not hold.
	rewrites bool
}

// call sends packets into a chain.
func (w *walk) call(at place, packets bdd.Node) (back bdd.Node) {
	if !w.stepwise && (w.changes == asItCame || w.loaded.calls[at] > 1) && !w.mayRewrite(at) {
		s := w.summaries[at]
		if s == nil {
			s = w.summarise(at)
			w.summaries[at] = s
		}
		if w.fits(s, packets) {
			return w.apply(at, s, packets)
		}
	}
	w.depth++
	defer func() { w.depth-- }()
	return w.chain(at.table, w.loaded.chains[at], packets)
}

// mayRewrite reports whether a chain, or one that it jumps to, has a target that changes
// packets: its summary would be of no use.
func (w *walk) mayRewrite(at place) bool {
	may, known := w.rewriting[at]
	if !known {
		may = slices.ContainsFunc(w.loaded.chains[at], func(r *rule) bool {
			if r.target.chain {
				return w.mayRewrite(place{at.table, r.target.name})
			}
			return r.target.rewrites(w.at)
		})
		w.rewriting[at] = may
	}
	return may
}

// fits reports whether nothing that a chain looks at was changed for the packets.
func (w *walk) fits(s *summary, packets bdd.Node) bool {
	if s.rewrites || s.asksRoute && s.routed != w.routed {
		return false
	}
	for name := range s.reads {
		if w.g.And(w.touched[name], packets) != bdd.False {
			return false
		}
	}
	if w.versionOf(s.asks) == asItCame {
		return true
	}
	for f := range fieldCount {
		if s.asks&(1<<f) != 0 && w.g.Meet(w.rewritten[f], packets) {
			return false
		}
	}
	return true
}

// summarise works a summary out.
func (w *walk) summarise(at place) *summary {
	sub := &walk{
		World: w.World, f: w.f, at: w.at, loaded: w.loaded, now: w.begun, came: w.came, begun: w.begun, brief: w.brief, routed: w.routed,
		summaries: w.summaries, rewriting: w.rewriting, result: newResult(),
	}
	sub.fresh()
	back := sub.chain(at.table, w.loaded.chains[at], bdd.True)
	s := &summary{
		verdicts: sub.result.Verdicts, reach: sub.result.Reach, decisions: sub.result.Decisions, accepted: sub.accepted, back: back,
		sets: map[Lookup]bdd.Node{}, counts: map[countKey]bdd.Node{}, touched: sub.touched, reads: sub.reads, calls: sub.calls,
		asks: sub.looked, asksRoute: sub.asksRoute, routed: w.routed, rewrites: sub.changes != asItCame,
	}
	for key, n := range sub.sets {
		if sub.touched[key.Name] != bdd.False {
			s.sets[key] = n
		}
	}
	for key, n := range sub.counts {
		if sub.touched[key.Name] != bdd.False {
			s.counts[key] = n
		}
	}
	return s
}

// fresh makes a walk one before which nothing was changed.
func (w *walk) fresh() {
	w.sets, w.counts, w.touched = map[Lookup]bdd.Node{}, map[countKey]bdd.Node{}, map[string]bdd.Node{}
	w.reads, w.calls = map[string]bool{}, map[place]bdd.Node{}
}

// apply does with packets what a summary says.
func (w *walk) apply(at place, s *summary, packets bdd.Node) (back bdd.Node) {
	w.calls[at], w.asksRoute = w.g.Or(w.calls[at], packets), w.asksRoute || s.asksRoute
	w.looked |= s.asks
	for v, n := range s.verdicts {
		w.verdict(v, w.g.And(packets, n))
	}
	for name := range s.reads {
		w.reads[name] = true
	}
	for key, n := range s.sets {
		w.sets[key] = w.g.Choose(packets, n, w.lookup(key))
	}
	for key, n := range s.counts {
		w.counts[key] = w.g.Choose(packets, n, w.counted(key.Name, key.Direction, key.above))
	}
	for name, n := range s.touched {
		w.touched[name] = w.g.Or(w.touched[name], w.g.And(packets, n))
	}
	w.accepted = w.g.Or(w.accepted, w.g.And(packets, s.accepted))
	return w.g.And(packets, s.back)
}

// finish puts into the result what chains did that were called by their summary.
func (w *walk) finish() {
	entered := map[place]bdd.Node{}
	var enter func(at place) bdd.Node
	enter = func(at place) bdd.Node {
		if n, done := entered[at]; done {
			return n
		}
		n := w.calls[at]
		for from, s := range w.summaries {
			if inside := s.calls[at]; inside != bdd.False {
				n = w.g.Or(n, w.g.And(enter(from), inside))
			}
		}
		entered[at] = n
		return n
	}
	for at, s := range w.summaries {
		packets := enter(at)
		for id, n := range s.reach {
			w.result.Reach[id] = w.g.Or(w.result.Reach[id], w.g.And(packets, n))
		}
		for _, d := range s.decisions {
			if d.Packets = w.g.And(packets, d.Packets); d.Packets != bdd.False {
				w.result.Decisions = append(w.result.Decisions, d)
			}
		}
	}
	slices.SortStableFunc(w.result.Decisions, func(a, b Decision) int {
		return cmp.Or(cmp.Compare(a.Rule.Table, b.Rule.Table), cmp.Compare(a.Rule.Chain, b.Rule.Chain), cmp.Compare(a.Rule.Number, b.Rule.Number))
	})
}
