package exact

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// Verdict is what becomes of a packet.
type Verdict struct {
	Kind VerdictKind
	// With is the answer of a Reject, such as "tcp-reset", and the target of an Other.
	With string
}

// VerdictKind is what kind of a verdict it is.
type VerdictKind string

// The kinds.
const (
	Accept VerdictKind = "accept"
	Drop   VerdictKind = "drop"
	Reject VerdictKind = "reject"
	// Other is a target of which the rules do not say what it does: a program that
	// takes the packet, or a target that this package does not know.
	Other VerdictKind = "depends"
)

// String says the verdict: "accept", "reject with tcp-reset", "depends on -j QUEUE".
func (v Verdict) String() string {
	switch v.Kind {
	case Reject:
		return "reject with " + v.With
	case Other:
		return "depends on " + v.With
	}
	return string(v.Kind)
}

// target is the target of a rule.
type target struct {
	name    string
	options []string
	chain   bool // it is a chain of the table
	goes    bool // -g
}

// readTarget reads the target of a rule, which is a chain of the table or not.
func readTarget(r readRule, chain bool) target {
	words, _ := tablefile.Words(r.Spec) // Read has split it
	options := r.TargetOptions()
	verb := len(words) - len(options) - 2
	return target{name: r.to, options: options, chain: chain, goes: verb >= 0 && words[verb] == "-g"}
}

// text is the target in the words of the rule.
func (t target) text() string { return strings.Join(append([]string{"-j", t.name}, t.options...), " ") }

// value returns the word behind an option.
func (t target) value(option string) string {
	if at := slices.Index(t.options, option); at >= 0 && at+1 < len(t.options) {
		return t.options[at+1]
	}
	return ""
}

// idle are targets after which the next rule follows, and that change nothing that rules
// look at.
var idle = []string{
	"", "LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "TCPMSS", "CHECKSUM", "TCPOPTSTRIP", "CLASSIFY", "LED", "RATEEST", "SECMARK", "CONNSECMARK",
	"IDLETIMER", "NFACCT", "HMARK", "TEE",
}

// act does with packets what the target of a rule says. Those that go on to the next
// rule, and those that leave the chain for the one before, are returned.
func (w *walk) act(table string, r *rule, packets bdd.Node) (on, back bdd.Node) {
	t := r.target
	switch {
	case t.chain:
		end := w.call(place{table, t.name}, packets)
		if t.goes {
			return bdd.False, end
		}
		return end, bdd.False
	case t.name == "RETURN":
		return bdd.False, packets
	case slices.Contains(idle, t.name):
		return packets, bdd.False
	case t.name == "ACCEPT" || slices.Contains([]string{"SNAT", "MASQUERADE"}, t.name):
		w.accepted = w.g.Or(w.accepted, packets)
		if table == "filter" {
			w.decision(r.id, Verdict{Kind: Accept}, packets)
		}
		return bdd.False, bdd.False
	case t.name == "DROP" || t.name == "REJECT":
		w.decide(r.id, t.refusal(), packets)
		return bdd.False, bdd.False
	}
	if on, done := w.rewrite(r, packets); done {
		return on, bdd.False
	}
	w.decide(r.id, Verdict{Other, t.text()}, packets)
	return bdd.False, bdd.False
}

// refusal is the verdict of DROP and REJECT.
func (t target) refusal() Verdict {
	if t.name == "REJECT" {
		return Verdict{Reject, t.value("--reject-with")}
	}
	return Verdict{Kind: Drop}
}

// rewrites reports whether a target changes packets that come to a hook.
func (t target) rewrites(hook Hook) bool {
	switch t.name {
	case "NOTRACK", "MARK", "DSCP":
		return true
	case "CT":
		return slices.Contains(t.options, "--notrack")
	case "CONNMARK":
		return slices.Contains(t.options, "--restore-mark")
	case "SET":
		return slices.Contains(t.options, "--map-set")
	case "DNAT":
		return hook != Input
	case "REDIRECT":
		return hook != Forward
	}
	return false
}

// rewrite does what changes packets, their connections or sets. done is false for a
// target that is not known, or that does what cannot be told.
func (w *walk) rewrite(r *rule, packets bdd.Node) (on bdd.Node, done bool) {
	t := r.target
	switch t.name {
	case "SET":
		return packets, w.changeSet(t, packets)
	case "CT", "NOTRACK":
		if t.name == "NOTRACK" || slices.Contains(t.options, "--notrack") {
			w.set(State, constant(untrackedState, widths[State]), packets)
		}
		return packets, true
	case "MARK":
		return packets, w.setMark(t, packets)
	case "CONNMARK":
		if slices.Contains(t.options, "--restore-mark") {
			w.set(Mark, w.bits(Mark), packets) // any: it is what another packet has left
		}
		return packets, true
	case "DSCP":
		value, ok := number(t.value("--set-dscp"), widths[DSCP])
		w.set(DSCP, constant(value, widths[DSCP]), packets)
		return packets, ok
	case "REDIRECT":
		return w.redirect(t, packets)
	case "DNAT":
		return w.translate(t, packets)
	case "SYNPROXY":
		// It answers SYNs, and ACKs by the cookie in them; other segments go on.
		syn, _ := flagSet("SYN")
		ack, _ := flagSet("ACK")
		other, _ := flagSet("FIN,RST")
		answers := w.g.Or(w.masked(w.seen(Flags), syn, syn|ack|other), w.masked(w.seen(Flags), ack, syn|ack|other))
		w.decide(r.id, Verdict{Other, "-j SYNPROXY"}, w.g.And(packets, answers))
		return w.g.Without(packets, answers), true
	}
	return packets, false
}

// set gives a field of packets a value.
func (w *walk) set(f Field, value []bdd.Node, packets bdd.Node) {
	changed := make([]bdd.Node, len(value))
	for i := range value {
		changed[i] = w.g.Choose(packets, value[i], w.now[f][i])
	}
	w.now[f] = changed
	w.wrote(f, packets)
}

func (w *walk) changeSet(t target, packets bdd.Node) bool {
	if len(t.options) < 3 {
		return false
	}
	switch option := t.options[0]; option {
	case "--add-set", "--del-set":
		w.change(option, t.options[1], t.options[2], packets)
		return true
	case "--map-set":
		w.set(Mark, w.bits(Mark), packets)
		return true
	}
	return false
}

func (w *walk) setMark(t target, packets bdd.Node) bool {
	value, mask, ok := masked(t.value("--set-xmark"))
	if !ok {
		return false
	}
	bits := make([]bdd.Node, widths[Mark])
	for i := range bits {
		at := widths[Mark] - 1 - i
		bit := bdd.Node(value >> at & 1)
		if mask>>at&1 == 0 { // kept, and turned where value has a one
			bit = w.g.Choose(bit, w.g.Not(w.now[Mark][i]), w.now[Mark][i])
		}
		bits[i] = bit
	}
	w.set(Mark, bits, packets)
	return true
}

// redirect sends packets to a port of this host: they come to FORWARD no more.
func (w *walk) redirect(t target, packets bdd.Node) (on bdd.Node, done bool) {
	if w.at == Forward {
		return packets, false
	}
	// nf_nat_setup_info of nf_nat_core.c marks what leads elsewhere, not what stays.
	const elsewhere = "the packet was sent to another address than that of the interface"
	changed := w.fact(Fact{Kind: Asked, Text: elsewhere, Denial: "the packet was sent to the address of the interface"})
	if to := t.value("--to-ports"); to != "" {
		port, ok := number(to, 16)
		if !ok {
			return packets, false
		}
		changed = w.g.Or(changed, w.g.Not(w.fieldWithin(DestinationPort, port, port)))
		w.setPort(port, packets)
	}
	w.redirected = w.g.Or(w.redirected, packets)
	w.wrote(Destination, packets)
	w.set(DestinationNAT, constant(1, 1), w.g.And(packets, changed))
	w.accepted = w.g.Or(w.accepted, packets)
	return bdd.False, true
}

// setPort gives packets another port of the destination.
func (w *walk) setPort(port uint64, packets bdd.Node) {
	w.sent.write(w.g, port, packets)
	w.wrote(DestinationPort, packets)
}

// of is what a match asks of an address, n of the one that was sent to; is says it for
// that of a redirected packet, as "in 192.0.2.0/24".
func (w *walk) of(f Field, n bdd.Node, is string) bdd.Node {
	if f != Destination || w.redirected == bdd.False {
		return n
	}
	const address = "the address of the interface is "
	return w.g.Choose(w.redirected, w.fact(Fact{Kind: Asked, Text: address + is, Denial: address + "not " + is}), n)
}

// about is a fact of an address; of a destination to which DNAT has led, it is another one.
func (w *walk) about(f Field, fact Fact, is string) bdd.Node {
	n := w.fact(fact)
	if f != Destination {
		return n
	}
	if w.led.all == bdd.False {
		return n
	}
	const address = "the translated destination is "
	return w.g.Choose(w.led.all, w.fact(Fact{Kind: Asked, Text: address + is, Denial: address + "not " + is}), n)
}

// translate sends packets to another address, which is known if it is one. One that was
// sent to this host may come to INPUT no more, which the rules do not tell.
func (w *walk) translate(t target, packets bdd.Node) (on bdd.Node, done bool) {
	if w.at == Input {
		return packets, false
	}
	to, err := netip.ParseAddrPort(t.value("--to-destination"))
	address := to.Addr()
	if err != nil {
		address, err = netip.ParseAddr(t.value("--to-destination"))
	}
	if err != nil || address.BitLen() != w.Family.Bits() {
		return packets, false
	}
	changed := w.g.Not(w.addressWithin(Destination, netip.PrefixFrom(address, address.BitLen())))
	w.led.write(w.g, address, packets)
	w.wrote(Destination, packets)
	if port := uint64(to.Port()); port != 0 {
		changed = w.g.Or(changed, w.g.Not(w.fieldWithin(DestinationPort, port, port)))
		w.setPort(port, packets)
	}
	w.set(DestinationNAT, constant(1, 1), w.g.And(packets, changed))
	w.accepted = w.g.Or(w.accepted, packets)
	return bdd.False, true
}
