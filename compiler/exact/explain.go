package exact

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// Explanation is what a firewall does with one packet.
type Explanation struct {
	// Packet is the packet with what was assumed where nothing was stated.
	Packet  Packet
	Verdict Verdict
	// By is the rule that gives the verdict; a rule without a chain where no hook has a
	// rule for the packet.
	By RuleID
	// Way are the rules whose matches hold, in the order in which the packet meets them.
	Way []Step
	// Now are the sets in which the packet is at this moment; none for a firewall that is
	// not of a moment.
	Now []string
	// Unless are the states of the host, and the parts of the packet that were not
	// stated, with which the verdict is another.
	Unless []Exception
	// More says that there are further ones.
	More bool
}

// Exception is another verdict, and what must all be true for it.
type Exception struct {
	Verdict    Verdict
	By         RuleID
	Conditions []string

	weight int // of the condition that a reader asks least about
}

// mostExceptions is how many exceptions a person reads.
const mostExceptions = 12

// Explain says what a firewall does with a packet. An error says that there is no such
// packet, or is ErrTooMuch.
func Explain(f *Firewall, hook Hook, p Packet) (e *Explanation, err error) {
	w := NewWorld(f.Family, f)
	if much := w.bounded(MostSteps, func() { e, err = w.explain(f, hook, p) }); much != nil {
		return nil, much
	}
	return e, err
}

// explain is Explain in a world.
func (w *World) explain(f *Firewall, hook Hook, p Packet) (*Explanation, error) {
	packets := w.Packets(p)
	if packets == bdd.False {
		return nil, errors.New("there is no such packet: conntrack never has it in this state")
	}
	packets = w.assume(hook, p, packets)
	usual := w.usual(p)
	values, _ := w.g.First(packets, usual)
	is := func(v int) bool {
		if value, known := values[v]; known {
			return value
		}
		return usual(v)
	}
	x := explainer{World: w, stated: p, result: w.Trace(f, hook, packets, w.fixed(packets, is))}
	x.settle()
	e := &Explanation{Packet: w.packet(is)}
	is, e.Now = w.atMoment(f, e.Packet, is)
	e.Packet.In, e.Packet.Out = cmp.Or(p.In, e.Packet.In), cmp.Or(p.Out, e.Packet.Out)
	e.Verdict = x.verdict(is)
	e.By = x.by(e.Verdict, is)
	for _, s := range x.result.Steps {
		if w.g.Holds(s.Packets, is) {
			e.Way = append(e.Way, s)
		}
	}
	e.Unless, e.More = x.exceptions(e.Verdict, is)
	return e, nil
}

// atMoment is is, but for facts that are known of a packet at the moment of a firewall. says
// are the sets in which the packet is.
func (w *World) atMoment(f *Firewall, p Packet, is func(variable int) bool) (with func(variable int) bool, says []string) {
	m, known := moment{f: f, packet: p}, map[int]bool{}
	for v, fact := range w.Facts() {
		if holds, ok := m.holds(fact); ok {
			known[v] = holds
		}
	}
	return func(v int) bool {
		if holds, ok := known[v]; ok {
			return holds
		}
		return is(v)
	}, m.says
}

// fixed returns the values of those fields that all packets have alike: those of is.
func (w *World) fixed(packets bdd.Node, is func(variable int) bool) func(variable int) bdd.Value {
	alike := map[Field]bool{}
	for f := range fieldCount {
		alike[f] = w.g.Without(packets, w.equalAll(f, is)) == bdd.False
	}
	return func(v int) bdd.Value {
		if f, isField := w.FieldOf(v); isField && alike[f] {
			return bdd.Of(is(v))
		}
		return bdd.Unknown
	}
}

// assume narrows packets to the plain ones, where nothing is stated: the first packet of a
// new connection, to an address of this host, from another host.
func (w *World) assume(hook Hook, p Packet, packets bdd.Node) bdd.Node {
	narrow := func(to bdd.Node) {
		if n := w.g.And(packets, to); n != bdd.False {
			packets = n
		}
	}
	for _, f := range []Field{Flags, ICMPType} {
		if !p.Has(f) && !p.Has(State) {
			narrow(w.stated(w.plain(p), f))
		}
	}
	first := !p.Is(tcpProtocol) || w.plain(p).Values[Flags] == w.example().Values[Flags]
	if !p.Has(State) && first {
		narrow(w.equal(w.bits(State), newState))
		narrow(w.equal(w.bits(Confirmed), 0))
	}
	for _, f := range []Field{Fragment, SourceNAT, DestinationNAT} {
		if !p.Has(f) {
			narrow(w.equal(w.bits(f), 0))
		}
	}
	if !p.Has(In) && hook != Output {
		narrow(w.g.Not(w.equal(w.bits(In), w.interfaceNumber(loopback))))
	}
	if !p.Has(Destination) {
		narrow(w.g.Not(w.g.Or(w.within(w.bits(Destination), multicast4), w.within(w.bits(Destination), multicast6))))
		narrow(w.g.Not(w.withinAny(w.bits(Destination), alwaysBroadcast)))
	}
	return packets
}

// explainer is the work of one explanation.
type explainer struct {
	*World
	stated Packet
	result *Result
}

// settle puts in for large lists whether they have the addresses of the packet, or all
// their addresses where none is stated.
func (x *explainer) settle() {
	known := func(n bdd.Node) bdd.Node {
		n = x.g.Where(n, func(v int) bdd.Value { return x.listValue(v, x.stated.Source, x.stated.Destination) })
		return x.Settle(n)
	}
	for v, n := range x.result.Verdicts {
		x.result.Verdicts[v] = known(n)
	}
	for i := range x.result.Decisions {
		x.result.Decisions[i].Packets = known(x.result.Decisions[i].Packets)
	}
	for i := range x.result.Steps {
		x.result.Steps[i].Packets = known(x.result.Steps[i].Packets)
	}
}

// verdict is the verdict of the packet with these values.
func (x *explainer) verdict(is func(int) bool) Verdict {
	for v, n := range x.result.Verdicts {
		if x.g.Holds(n, is) {
			return v
		}
	}
	return Verdict{Kind: Accept}
}

// by is the last rule that gives the packet with these values its verdict.
func (x *explainer) by(v Verdict, is func(int) bool) (id RuleID) {
	for _, d := range x.result.Decisions {
		if d.Verdict == v && x.g.Holds(d.Packets, is) {
			id = d.Rule
		}
	}
	return id
}

// exceptions finds the fewest things that must be other than they are for another verdict,
// then the fewest of those that remain, until none does. Those by sets and limits come first.
func (x *explainer) exceptions(usually Verdict, base func(int) bool) (all []Exception, more bool) {
	defer func() {
		slices.SortStableFunc(all, func(a, b Exception) int { return cmp.Compare(a.weight, b.weight) })
	}()
	others := bdd.False
	for v, n := range x.result.Verdicts {
		if v != usually {
			others = x.g.Or(others, n)
		}
	}
	never := func(int) bool { return false }
	for others != bdd.False {
		turned, _ := x.g.Nearest(others, base, never)
		if len(all) == mostExceptions {
			return all, true
		}
		is := func(v int) bool { return base(v) != slices.Contains(turned, v) }
		verdict := x.verdict(is)
		e := Exception{Verdict: verdict, By: x.by(verdict, is)}
		slices.SortStableFunc(turned, func(a, b int) int { return cmp.Compare(x.weight(a), x.weight(b)) })
		if len(turned) > 0 {
			e.weight = x.weight(turned[len(turned)-1])
		}
		e.Conditions, others = x.leave(turned, is, base, others)
		all = append(all, e)
	}
	return all, false
}

// weight orders variables for a reader.
func (w *World) weight(variable int) int {
	if w.IsFact(variable) {
		return w.Fact(variable).weight()
	}
	return oddPacket
}

// leave says what is turned, and takes from others what is so by that, and more.
func (x *explainer) leave(turned []int, is, base func(int) bool, others bdd.Node) (conditions []string, rest bdd.Node) {
	so, seen := bdd.True, map[Field]bool{}
	for _, v := range turned {
		f, isField := x.FieldOf(v)
		switch {
		case !isField:
			conditions = append(conditions, Condition{x.Fact(v), is(v)}.String())
			n := x.g.Variable(v)
			if !is(v) {
				n = x.g.Not(n)
			}
			so = x.g.And(so, n)
		case !seen[f]:
			seen[f] = true
			conditions = append(conditions, x.say(f, is))
			so = x.g.Without(so, x.equalAll(f, base))
		}
	}
	return conditions, x.g.Without(others, so)
}

// equalAll are the packets that have the value of a field that base has.
func (w *World) equalAll(f Field, base func(int) bool) bdd.Node {
	n := bdd.True
	for i := range w.fields[f].bits {
		bit := w.g.Variable(w.fields[f].first + i)
		if !base(w.fields[f].first + i) {
			bit = w.g.Not(bit)
		}
		n = w.g.And(n, bit)
	}
	return n
}

// fieldNames are the fields in sentences.
var fieldNames = map[Field]string{
	Protocol: "the protocol", State: "conntrack's state", In: "the interface that it comes in by", Out: "the interface that it leaves by",
	Flags: "the TCP flags", ICMPType: "the ICMP type", ICMPCode: "the ICMP code", DestinationPort: "the destination port",
	SourcePort: "the source port", Length: "the length", HopLimit: "the TTL", DSCP: "the DSCP", Mark: "the mark",
}

// say says the value of a field, of which another would do too.
func (x *explainer) say(f Field, is func(int) bool) string {
	value := x.value(f, is)
	switch f {
	case Source:
		return fmt.Sprintf("the source is %s, for example", x.addressOf(f, is))
	case Destination:
		return fmt.Sprintf("the destination is %s, for example", x.addressOf(f, is))
	case State:
		return "conntrack's state is " + stateWords[min(value, uint64(len(stateWords)-1))]
	case Flags:
		return "the TCP flags are " + flagText(value)
	case In, Out:
		name := x.interfaceOf(value)
		if name == "" {
			name = "another one"
		}
		return fieldNames[f] + " is " + name
	}
	if name, plain := fieldNames[f]; plain {
		return fmt.Sprintf("%s is %d, for example", name, value)
	}
	for word, marked := range markWords {
		if f == marked && value == 1 {
			return "the packet is marked " + word
		} else if f == marked {
			return "the packet is not marked " + word
		}
	}
	return ""
}

// HookOf is where a packet meets rules: FORWARD if it states both interfaces, OUTPUT if it
// states only the one that it leaves by.
func HookOf(p Packet) Hook {
	switch {
	case p.Out != "" && p.In != "":
		return Forward
	case p.Out != "":
		return Output
	}
	return Input
}

// Follow returns the rules that a packet meets, in order, and its verdict, where the
// conditions hold and everything that neither they nor the packet state is as usual.
func (w *World) Follow(f *Firewall, hook Hook, p Packet, conditions []Condition) (way []RuleID, verdict Verdict) {
	x, is := w.follow(f, hook, p, conditions)
	for _, s := range x.result.Steps {
		if w.g.Holds(s.Packets, is) {
			way = append(way, s.Rule)
		}
	}
	return way, x.verdict(is)
}

// follow traces a packet, and returns the values of all variables for it.
func (w *World) follow(f *Firewall, hook Hook, p Packet, conditions []Condition) (x explainer, is func(variable int) bool) {
	usual, stated := w.usual(p), map[Fact]bool{}
	for _, c := range conditions {
		stated[c.Fact] = c.Holds
	}
	is = func(v int) bool {
		if value := w.listValue(v, p.Source, p.Destination); value != bdd.Unknown {
			return value == bdd.Yes
		}
		if w.IsFact(v) {
			if holds, known := stated[w.Fact(v)]; known {
				return holds
			}
		}
		return usual(v)
	}
	result := w.Trace(f, hook, bdd.True, func(v int) bdd.Value {
		if w.IsFact(v) {
			return bdd.Unknown
		}
		return bdd.Of(is(v))
	})
	return explainer{World: w, result: result}, is
}
