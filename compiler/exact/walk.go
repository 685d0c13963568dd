package exact

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// Hook is where packets meet rules.
type Hook string

// The hooks, by the chain of table filter.
const (
	Input   Hook = "INPUT"
	Forward Hook = "FORWARD"
	Output  Hook = "OUTPUT"
)

// place is a built-in chain.
type place struct{ table, chain string }

// ways are the built-in chains that packets meet, in the order of the hooks'
// priorities (include/uapi/linux/netfilter_ipv4.h). Conntrack comes behind table raw. Tables
// of nft have security behind nat (iptables/nft.c of iptables 1.8), which refuses nothing.
var ways = map[Hook][]place{
	Input: {{"raw", "PREROUTING"}, {"mangle", "PREROUTING"}, {"nat", "PREROUTING"},
		{"mangle", "INPUT"}, {"filter", "INPUT"}, {"security", "INPUT"}, {"nat", "INPUT"}},
	Forward: {{"raw", "PREROUTING"}, {"mangle", "PREROUTING"}, {"nat", "PREROUTING"},
		{"mangle", "FORWARD"}, {"filter", "FORWARD"}, {"security", "FORWARD"}, {"mangle", "POSTROUTING"}, {"nat", "POSTROUTING"}},
	Output: {{"raw", "OUTPUT"}, {"mangle", "OUTPUT"}, {"nat", "OUTPUT"},
		{"filter", "OUTPUT"}, {"security", "OUTPUT"}, {"mangle", "POSTROUTING"}, {"nat", "POSTROUTING"}},
}

// RuleID names a rule of a firewall. Number counts from 1; 0 is the policy of the
// chain.
type RuleID struct {
	Table, Chain string
	Number       int
}

// String is "rule 3 of INPUT (table filter)".
func (id RuleID) String() string {
	if id.Number == 0 {
		return fmt.Sprintf("the policy of %s (table %s)", id.Chain, id.Table)
	}
	return fmt.Sprintf("rule %d of %s (table %s)", id.Number, id.Chain, id.Table)
}

// Result is what a firewall does with packets.
type Result struct {
	// Verdicts are the packets of each verdict. Every packet has one.
	Verdicts map[Verdict]bdd.Node
	// Reach are the packets for which all matches of a rule hold, when they come to it.
	Reach map[RuleID]bdd.Node
	// Decisions say which rule gives which packets their verdict, in the order of the
	// walk.
	Decisions []Decision
	// Added are the packets that rules put into a set, Removed those that they take out.
	Added, Removed map[Lookup]bdd.Node
	// Steps are the rules whose matches hold, in the order in which packets meet them: a
	// chain that is called twice is there twice.
	Steps []Step
}

// Decision is a rule that gives packets their verdict.
type Decision struct {
	Rule    RuleID
	Verdict Verdict
	Packets bdd.Node
}

// Step is one rule, for those packets that come to it by one way and for which its matches
// hold.
type Step struct {
	Rule RuleID
	// Depth is how many chains the packets are in beside the built-in one.
	Depth   int
	Packets bdd.Node
}

// walk is the state of a walk through one firewall.
type walk struct {
	*World
	f      *Firewall
	at     Hook
	loaded *loaded
	result *Result
	// now are the bits of packets as rules have changed them, and sets and counts what
	// rules have made of sets: functions of the packet as it came, whose bits are came. What
	// DNAT and REDIRECT write is not in them: it is in led and sent.
	now, came [fieldCount][]bdd.Node
	// begun is now before any rule.
	begun [fieldCount][]bdd.Node
	// redirected are the packets that REDIRECT has sent to this host: their destination
	// is the address of an interface, which the rules do not tell.
	redirected bdd.Node
	// led are those that DNAT has sent to another address, sent those with another port.
	led    values[netip.Addr]
	sent   values[uint64]
	sets   map[Lookup]bdd.Node
	counts map[countKey]bdd.Node
	// touched are the packets for which rules have changed a set, reads the sets that
	// rules have looked at.
	touched map[string]bdd.Node
	reads   map[string]bool
	// summaries are of the chains that were called, calls are the packets that were.
	summaries map[place]*summary
	calls     map[place]bdd.Node
	// rewriting are the chains that may change packets, and those that do not.
	rewriting map[place]bool
	// stepwise sends packets through each rule, and notes it; brief notes no rule at all.
	stepwise, brief bool
	// routed says that a packet that is sent on has its way, asksRoute that a match has asked
	// for what is another before.
	routed, asksRoute bool
	// rewritten are the packets of which rules have written a field, version says of which
	// walk and rule it is now what it is, and changes is the last of all versions.
	rewritten [fieldCount]bdd.Node
	version   [fieldCount]int
	changes   int
	// looked are the fields that rules have looked at.
	looked fieldSet
	// accepted are the packets that the chain of a hook lets pass.
	accepted bdd.Node
	depth    int
	// began are the packets before any rule; False for all.
	began bdd.Node
}

// loaded are the rules of a firewall, read.
type loaded struct {
	chains map[place][]*rule
	policy map[place]string
	calls  map[place]int // how many rules jump to a chain
}

// rule is a rule, read.
type rule struct {
	id     RuleID
	target target
	fixed  question // the matches that only the packet decides
	moving []question
	// cached is of fixed, when the fields that it asks had this version.
	cached  bdd.Node
	version int
	asks    fieldSet
	// alike is how many rules from this one on do the same with packets, and nothing else than
	// to give them a verdict (run.go).
	alike int
}

// unknownVersion is the version of a rule that was not asked yet.
const unknownVersion = -1

// Walk sends packets through a firewall. The firewall must be one of those that the
// world was made of. The result has no Steps.
func (w *World) Walk(f *Firewall, hook Hook, packets bdd.Node) *Result {
	k := w.begin(f, hook, nil)
	k.through(packets)
	k.finish()
	return k.result
}

// verdicts is Walk with the verdicts of all packets, and what goes into which set: it does
// not say which rule did it.
func (w *World) verdicts(f *Firewall, hook Hook) *Result {
	k := w.begin(f, hook, nil)
	k.brief = true
	k.through(w.Possible())
	return k.result
}

// Trace is Walk rule by rule, and with Steps: slower for many packets, and fast for those
// of which most bits are known. The result says nothing of bits that are known.
func (w *World) Trace(f *Firewall, hook Hook, packets bdd.Node, known func(variable int) bdd.Value) *Result {
	k := w.begin(f, hook, known)
	k.through(w.g.Where(packets, known))
	k.finish()
	return k.result
}

func newResult() *Result {
	return &Result{Verdicts: map[Verdict]bdd.Node{}, Reach: map[RuleID]bdd.Node{}}
}

// begin returns a walk before the first rule. It goes rule by rule if known is not nil.
func (w *World) begin(f *Firewall, hook Hook, known func(variable int) bdd.Value) *walk {
	if w.loaded[f] == nil {
		w.loaded[f] = w.load(f)
	}
	k := &walk{
		World: w, f: f, at: hook, loaded: w.loaded[f], stepwise: known != nil, summaries: map[place]*summary{}, rewriting: map[place]bool{}, result: newResult(),
	}
	k.fresh()
	for _, rules := range k.loaded.chains {
		for _, r := range rules {
			r.version = unknownVersion
		}
	}
	for field := range fieldCount {
		k.now[field] = w.bits(field)
		for i := range k.now[field] {
			if known == nil {
				continue
			}
			if value := known(w.fields[field].first + i); value != bdd.Unknown {
				k.now[field][i] = bdd.Node(value - bdd.No)
			}
		}
	}
	k.came = k.now
	k.from(hook)
	k.begun = k.now
	return k
}

// through sends packets through all chains of the hook.
func (w *walk) through(packets bdd.Node) {
	w.began = packets
	for _, p := range ways[w.at] {
		packets = w.hook(p, packets)
	}
	w.verdict(Verdict{Kind: Accept}, packets)
	w.noteSets()
}

// noteSets notes what rules have made of sets.
func (w *walk) noteSets() {
	w.result.Added, w.result.Removed = map[Lookup]bdd.Node{}, map[Lookup]bdd.Node{}
	for key, now := range w.sets {
		if w.touched[key.Name] != bdd.False {
			was := w.membership(key.Name, key.Direction)
			w.result.Added[key], w.result.Removed[key] = w.g.Without(now, was), w.g.Without(was, now)
		}
	}
}

// from states what a packet cannot have where it comes from.
func (w *walk) from(hook Hook) {
	none := constant(noInterface, interfaceBits)
	switch hook {
	case Input:
		w.now[Out] = none
	case Output:
		w.now[In] = none
		return
	}
	w.now[Mark] = constant(0, widths[Mark])
}

// hook sends packets through a built-in chain and returns those that go on. Table
// nat sees the first packet of a connection only.
func (w *walk) hook(p place, packets bdd.Node) bdd.Node {
	rules, there := w.loaded.chains[p]
	if !there {
		w.acceptByPolicy(p, packets) // the kernel's own
		return packets
	}
	past := bdd.False
	if p.table == "nat" {
		first := w.equal(w.now[State], newState)
		past, packets = w.g.Without(packets, first), w.g.And(packets, first)
	}
	w.accepted, w.routed = bdd.False, w.at == Forward && p.chain != "PREROUTING"
	end := w.chain(p.table, rules, packets)
	if policy := w.loaded.policy[p]; policy == "DROP" {
		w.decide(RuleID{Table: p.table, Chain: p.chain}, Verdict{Kind: Drop}, end)
		end = bdd.False
	} else {
		w.acceptByPolicy(p, end)
	}
	return w.g.Or(past, w.accepted, end)
}

// acceptByPolicy notes that the policy of a chain accepts packets.
func (w *walk) acceptByPolicy(p place, packets bdd.Node) {
	if p.table == "filter" {
		w.decision(RuleID{Table: p.table, Chain: p.chain}, Verdict{Kind: Accept}, packets)
	}
}

// decision notes that a rule gives packets their verdict.
func (w *walk) decision(by RuleID, v Verdict, packets bdd.Node) {
	if packets != bdd.False && !w.brief {
		w.result.Decisions = append(w.result.Decisions, Decision{by, v, packets})
	}
}

// decide gives packets their verdict.
func (w *walk) decide(by RuleID, v Verdict, packets bdd.Node) {
	w.verdict(v, packets)
	w.decision(by, v, packets)
}

func (w *walk) verdict(v Verdict, packets bdd.Node) {
	if packets != bdd.False {
		w.result.Verdicts[v] = w.g.Or(w.result.Verdicts[v], packets)
	}
}

// seen are the bits of a field as matches see them at the hook: the interface that a packet
// leaves by is not known before it is routed, and its TTL is less by one after.
func (w *walk) seen(f Field) []bdd.Node {
	w.asks(f)
	if w.at != Forward || f != Out && f != HopLimit {
		return w.now[f]
	}
	w.asksRoute = true
	switch {
	case f == Out && !w.routed:
		return constant(noInterface, interfaceBits)
	case f == HopLimit && w.routed:
		return w.lessOne(w.now[f])
	}
	return w.now[f]
}

// asksRoute reports whether a match may ask for what seen tells.
func asksRoute(m tablefile.Match) bool {
	return slices.Contains([]string{"ttl", "hl", "bpf"}, m.Name) || m.Name == "" && slices.Contains(m.Words, "-o")
}

// chain sends packets through rules and returns those that come to the end, or back.
func (w *walk) chain(table string, rules []*rule, packets bdd.Node) bdd.Node {
	back := bdd.False
	for len(rules) > 0 && packets != bdd.False {
		r := rules[0]
		if r.alike >= manyAlike && !w.stepwise {
			packets = w.run(table, rules[:r.alike], packets)
			rules = rules[r.alike:]
			continue
		}
		rules = rules[1:]
		met := w.met(r, packets)
		if met == bdd.False {
			continue
		}
		w.reached(r, met)
		on, returned := w.act(table, r, met)
		packets = w.g.Choose(met, on, packets)
		back = w.g.Or(back, returned)
	}
	return w.g.Or(back, packets)
}

// reached notes that the matches of a rule hold for packets.
func (w *walk) reached(r *rule, met bdd.Node) {
	if w.brief {
		return
	}
	w.result.Reach[r.id] = w.g.Or(w.result.Reach[r.id], met)
	if w.stepwise {
		w.result.Steps = append(w.result.Steps, Step{r.id, w.depth, met})
	}
}

// met are those of the packets for which the matches of a rule hold.
func (w *walk) met(r *rule, packets bdd.Node) bdd.Node {
	packets = w.g.And(packets, w.fixed(r))
	for _, q := range r.moving {
		if packets == bdd.False {
			break
		}
		packets = w.g.And(packets, q(w))
	}
	return packets
}

// fixed are all packets for which those matches hold that look at nothing but the packet.
func (w *walk) fixed(r *rule) bdd.Node {
	if r.version == unknownVersion || r.version != w.versionOf(r.asks) {
		before := w.looked
		w.looked = 0
		r.cached = r.fixed(w)
		r.asks, w.looked = w.looked, before
		r.version = w.versionOf(r.asks)
	}
	w.looked |= r.asks
	return r.cached
}

// load reads the rules of a firewall.
func (w *World) load(f *Firewall) *loaded {
	l := &loaded{chains: map[place][]*rule{}, policy: map[place]string{}, calls: map[place]int{}}
	for _, t := range f.Tables {
		for _, c := range t.Chains {
			l.chains[place{t.Name, c.Name}], l.policy[place{t.Name, c.Name}] = []*rule{}, c.Policy
		}
	}
	slots := w.slots(f)
	for _, r := range f.rules {
		at := place{r.id.Table, r.id.Chain}
		_, chain := l.chains[place{at.table, r.to}]
		read := w.loadRule(r, readTarget(r, chain), slots)
		l.chains[at] = append(l.chains[at], read)
		if read.target.chain {
			l.calls[place{at.table, read.target.name}]++
		}
	}
	for _, rules := range l.chains {
		countAlike(rules)
	}
	return l
}

// loadRule reads a rule.
func (w *World) loadRule(r readRule, t target, slots map[slotKey]int) *rule {
	read := &rule{id: r.id, target: t}
	var fixed []question
	for i, m := range r.asked {
		if q := w.ask(m, slots[slotKey{r.id, i}]); m.Name == "set" || asksRoute(m) {
			read.moving = append(read.moving, q)
		} else {
			fixed = append(fixed, q)
		}
	}
	read.fixed = every(fixed)
	return read
}
