package exact

import (
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// instruction is one of classic BPF, as "-m bpf --bytecode" prints it.
type instruction struct {
	code, skipTrue, skipFalse int
	k                         uint32
}

// The codes of the programs that package emit writes. (The names are those of the
// kernel's Documentation/networking/filter.rst.)
const (
	ldb, ldh, ld         = 0x30, 0x28, 0x20
	ldhBehind, ldBehind  = 0x48, 0x40
	ldxHeader            = 0xb1
	jeq, jgt, jset, stop = 0x15, 0x25, 0x45, 0x06
)

// program is "-m bpf" with a program that is a list of tests, each of which leads a packet
// that fails it to the end. Others are facts.
func program(options []option) (question, bool) {
	if len(options) != 1 || options[0].name != "--bytecode" || len(options[0].values) != 1 {
		return nil, false
	}
	steps, ok := instructions(options[0].values[0])
	if !ok || len(steps) < 4 {
		return nil, false
	}
	var all []question
	end := len(steps) - 1
	where := ""
	for at, s := range steps[:end-1] {
		switch s.code {
		case ldxHeader:
		case ldb, ldh, ld, ldhBehind, ldBehind:
			where = fmt.Sprintf("%d %d", s.code, s.k)
		case jeq, jgt, jset:
			q, ok := test(where, s)
			toEnd := end - at - 1
			if s.skipFalse != toEnd && s.skipTrue != toEnd || !ok {
				return nil, false
			}
			if s.skipTrue == toEnd {
				q = denied(q)
			}
			all = append(all, q)
		default:
			return nil, false
		}
	}
	return every(all), steps[end-1] == instruction{code: stop, k: 1} && steps[end] == instruction{code: stop}
}

func instructions(text string) (steps []instruction, ok bool) {
	parts := strings.Split(text, ",")
	for _, part := range parts[1:] {
		var s instruction
		if n, err := fmt.Sscan(part, &s.code, &s.skipTrue, &s.skipFalse, &s.k); err != nil || n != 4 {
			return nil, false
		}
		steps = append(steps, s)
	}
	return steps, parts[0] == fmt.Sprint(len(steps))
}

// test is what one test asks. where says what was loaded before.
func test(where string, s instruction) (question, bool) {
	k := uint64(s.k)
	switch kind := fmt.Sprintf("%s %d", where, s.code); kind {
	case fmt.Sprint(ldb, " ", 8, " ", jgt), fmt.Sprint(ldb, " ", 7, " ", jgt):
		return byFamily(where == fmt.Sprint(ldb, " ", 8), func(w *walk) bdd.Node { return w.g.Not(w.atMost(w.seen(HopLimit), k)) }), true
	case fmt.Sprint(ldh, " ", 2, " ", jgt):
		return byFamily(true, func(w *walk) bdd.Node { return w.g.Not(w.atMost(w.seen(Length), k)) }), true
	case fmt.Sprint(ldh, " ", 4, " ", jgt): // IPv6's length is that of the payload
		return byFamily(false, func(w *walk) bdd.Node { return w.g.Not(w.atMost(w.seen(Length), k+40)) }), true
	case fmt.Sprint(ldb, " ", 0, " ", jgt):
		return say("the IPv4 header has options", "the IPv4 header has no options"), k == 0x45
	case fmt.Sprint(ldh, " ", 6, " ", jset):
		return say("the packet must not be fragmented (DF)", "the packet may be fragmented (no DF)"), k == 0x4000
	case fmt.Sprint(ldhBehind, " ", 14, " ", jgt), fmt.Sprint(ldh, " ", 54, " ", jgt):
		return say(fmt.Sprintf("the TCP window is above %d", k), fmt.Sprintf("the TCP window is at most %d", k)), true
	case fmt.Sprint(ldhBehind, " ", 14, " ", jeq), fmt.Sprint(ldh, " ", 54, " ", jeq):
		return say(fmt.Sprintf("the TCP window is %d", k), fmt.Sprintf("the TCP window is not %d", k)), true
	case fmt.Sprint(ldBehind, " ", 20, " ", jeq), fmt.Sprint(ld, " ", 60, " ", jeq):
		size := fmt.Sprintf("the first TCP option is a segment size of %d", k&0xffff)
		return say(size, "it is not true that "+size), k>>16 == 2<<8|4
	case fmt.Sprint(ldb, " ", 6, " ", jeq):
		if k == protocols["ah"] { // which "-p" does not see in IPv6
			return byFamily(false, func(w *walk) bdd.Node { return w.equal(w.seen(Protocol), k) }), true
		}
		return say("TCP follows the IPv6 header", "extension headers are between the IPv6 header and TCP"), k == tcpProtocol
	}
	return nil, false
}

// byFamily asks only of packets of IPv4, or of IPv6: of the others the same bytes are
// something else, and what is asked is a fact.
func byFamily(v4 bool, q question) question {
	return func(w *walk) bdd.Node {
		if (w.Family == 4) == v4 {
			return q(w)
		}
		return w.fact(Fact{Kind: Asked, Text: "a byte of the header is above a bound"})
	}
}

// say asks for a fact that has words of its own.
func say(holds, denied string) question {
	return func(w *walk) bdd.Node { return w.fact(Fact{Kind: Asked, Text: holds, Denial: denied}) }
}
