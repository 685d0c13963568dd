package exact

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// question is what a match asks: the packets for which it holds now.
type question func(*walk) bdd.Node

// option is one option of a match.
type option struct {
	not    bool
	name   string
	values []string
}

// split cuts the words of a match into options. ok is false for a form that iptables-save
// of this century does not print.
func split(words []string) (options []option, ok bool) {
	not := false
	for _, word := range words {
		switch {
		case word == "!":
			not = true
		case strings.HasPrefix(word, "-"):
			options = append(options, option{not: not, name: word})
			not = false
		case len(options) == 0 || not:
			return nil, false
		default:
			last := &options[len(options)-1]
			last.values = append(last.values, word)
		}
	}
	return options, !not
}

// ask returns what a match of a rule asks.
func (w *World) ask(m tablefile.Match, which int) question {
	options, ok := split(m.Words)
	if m.Name == "comment" {
		return func(*walk) bdd.Node { return bdd.True }
	}
	var q question
	if ok {
		q, ok = known(m.Name, options)
	}
	if ok {
		return q
	}
	return unknown(m, options, which)
}

// unknown is a match that is a fact. "! --option" alone is the denial of "--option".
func unknown(m tablefile.Match, options []option, which int) question {
	not := len(options) == 1 && options[0].not
	if not {
		m.Words = positive(m.Words)
	}
	f := Fact{Kind: Asked, Text: m.String(), Which: which}
	return func(w *walk) bdd.Node {
		n := w.factOfRule(f)
		if not {
			return w.g.Not(n)
		}
		return n
	}
}

// takes reports whether a match changes what it asks: a limit that is used up for one rule
// may not be for another that reads alike.
func takes(match string) bool {
	return slices.Contains([]string{"limit", "hashlimit", "connlimit", "recent", "statistic", "quota", "rateest"}, match)
}

// usual reports whether a match that is a Fact usually holds.
func usual(text string) bool {
	for _, often := range []string{"-m limit ", "-m hashlimit --hashlimit-upto ", "-m tcp --tcp-option ", "the TCP window is above", "the packet must not be", "TCP follows", "-m addrtype --dst-type LOCAL", "-m rpfilter"} {
		if strings.HasPrefix(text, often) || text == often {
			return !strings.Contains(text, "--invert")
		}
	}
	return false
}

// known returns what a match asks, if this package knows it.
func known(match string, options []option) (question, bool) {
	switch match {
	case "conntrack", "state":
		return conntrack(options)
	case "set":
		return matchSet(options)
	case "bpf":
		return program(options)
	case "recent":
		return allPass, slices.ContainsFunc(options, func(o option) bool { return o.name == "--set" && !o.not })
	}
	var all []question
	for _, o := range options {
		q, ok := one(match, o)
		if !ok {
			return nil, false
		}
		if o.not {
			q = denied(q)
		}
		all = append(all, q)
	}
	alone := slices.Contains([]string{"tcp", "udp", "sctp", "dccp", "udplite"}, match)
	if alone || slices.Contains([]string{"multiport", "icmp", "icmp6"}, match) {
		// A later fragment has no header of its protocol: such a match never holds for it.
		all = append(all, denied(fieldIs(Fragment, 1)))
	}
	// Kubernetes writes "-p tcp -m tcp" without an option: tcp_mt of xt_tcpudp.c asks no more then.
	return every(all), len(options) > 0 || alone
}

func allPass(*walk) bdd.Node { return bdd.True }

// one returns what one option of a match asks, its negation aside.
func one(match string, o option) (question, bool) {
	if len(o.values) == 0 {
		switch {
		case o.name == "-f" && match == "":
			return fieldIs(Fragment, 1), true
		case o.name == "--syn" && match == "tcp":
			return flags("FIN,SYN,RST,ACK", "SYN")
		}
		return nil, false
	}
	if match == "tcp" && o.name == "--tcp-flags" && len(o.values) == 2 {
		return flags(o.values[0], o.values[1])
	}
	value := o.values[0]
	reader, ok := readers[strings.TrimSpace(match+" "+o.name)]
	if !ok || len(o.values) != 1 {
		return nil, false
	}
	return reader(value)
}

// readers read the value of an option of a match: of iptables' own options where no
// match is named.
var readers = map[string]func(string) (question, bool){
	"-s": address(Source), "-d": address(Destination),
	"-i": interfaceNamed(In), "-o": interfaceNamed(Out),
	"-p":          protocol,
	"tcp --sport": ports(SourcePort), "tcp --dport": ports(DestinationPort),
	"udp --sport": ports(SourcePort), "udp --dport": ports(DestinationPort),
	"sctp --sport": ports(SourcePort), "sctp --dport": ports(DestinationPort),
	"dccp --sport": ports(SourcePort), "dccp --dport": ports(DestinationPort),
	"udplite --sport": ports(SourcePort), "udplite --dport": ports(DestinationPort),
	"multiport --sports": ports(SourcePort), "multiport --dports": ports(DestinationPort), "multiport --ports": ports(SourcePort, DestinationPort),
	"iprange --src-range": addresses(Source), "iprange --dst-range": addresses(Destination),
	"icmp --icmp-type": icmp(4), "icmp6 --icmpv6-type": icmp(6),
	"length --length": span(Length),
	"ttl --ttl-eq":    span(HopLimit), "ttl --ttl-lt": below(HopLimit), "ttl --ttl-gt": above(HopLimit),
	"hl --hl-eq": span(HopLimit), "hl --hl-lt": below(HopLimit), "hl --hl-gt": above(HopLimit),
	"dscp --dscp":         span(DSCP),
	"mark --mark":         mark,
	"addrtype --src-type": addressType(Source), "addrtype --dst-type": addressType(Destination),
}

func every(all []question) question {
	return func(w *walk) bdd.Node {
		n := bdd.True
		for _, q := range all {
			n = w.g.And(n, q(w))
		}
		return n
	}
}

func either(all []question) question {
	return func(w *walk) bdd.Node {
		n := bdd.False
		for _, q := range all {
			n = w.g.Or(n, q(w))
		}
		return n
	}
}

func denied(q question) question {
	return func(w *walk) bdd.Node { return w.g.Not(q(w)) }
}

// fieldIs asks for the value of a field.
func fieldIs(f Field, value uint64) question { return fieldBetween(f, value, value) }

func fieldBetween(f Field, first, last uint64) question {
	return func(w *walk) bdd.Node {
		return w.fieldWithin(f, first, last)
	}
}

// number reads a number as iptables prints it, decimal or 0x….
func number(text string, bits int) (uint64, bool) {
	n, err := strconv.ParseUint(text, 0, bits)
	return n, err == nil
}

// span reads "40" or "40:60" for a field.
func span(f Field) func(string) (question, bool) {
	return func(text string) (question, bool) {
		low, high, isRange := strings.Cut(text, ":")
		if !isRange {
			high = low
		}
		first, ok := number(low, widths[f])
		last, ok2 := number(high, widths[f])
		return fieldBetween(f, first, last), ok && ok2 && first <= last
	}
}

func below(f Field) func(string) (question, bool) {
	return func(text string) (question, bool) {
		n, ok := number(text, widths[f])
		return fieldBetween(f, 0, n-1), ok && n > 0
	}
}

func above(f Field) func(string) (question, bool) {
	return func(text string) (question, bool) {
		n, ok := number(text, widths[f])
		return fieldBetween(f, n+1, 1<<widths[f]-1), ok && n < 1<<widths[f]-1
	}
}

// ports reads "22,80,8000:8100": any of the fields is one of them.
func ports(fields ...Field) func(string) (question, bool) {
	return func(text string) (question, bool) {
		var any []question
		for part := range strings.SplitSeq(text, ",") {
			for _, f := range fields {
				q, ok := span(f)(part)
				if !ok {
					return nil, false
				}
				any = append(any, q)
			}
		}
		return either(any), true
	}
}

// address reads "192.0.2.0/24", "192.0.2.1", or a prefix with a netmask.
func address(f Field) func(string) (question, bool) {
	return func(text string) (question, bool) {
		p, ok := prefix(text)
		return func(w *walk) bdd.Node { return w.of(f, w.addressWithin(f, p), "in "+text) }, ok
	}
}

func prefix(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	host, mask, masked := strings.Cut(text, "/")
	a, err := netip.ParseAddr(host)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	if !masked {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || m.BitLen() != a.BitLen() {
		return netip.Prefix{}, false
	}
	for bits := range m.BitLen() + 1 {
		if ones, err := allOnes(m.Is4()).Prefix(bits); err == nil && ones.Addr() == m {
			p, err := a.Prefix(bits)
			return p, err == nil
		}
	}
	return netip.Prefix{}, false
}

// allOnes is the highest address of a family.
func allOnes(v4 bool) netip.Addr {
	if v4 {
		return netip.AddrFrom4([4]byte{255, 255, 255, 255})
	}
	all := [16]byte{}
	for i := range all {
		all[i] = 255
	}
	return netip.AddrFrom16(all)
}

// addresses reads "192.0.2.1-192.0.2.9".
func addresses(f Field) func(string) (question, bool) {
	return func(text string) (question, bool) {
		low, high, ok := strings.Cut(text, "-")
		first, err := netip.ParseAddr(low)
		last, err2 := netip.ParseAddr(high)
		ok = ok && err == nil && err2 == nil && first.BitLen() == last.BitLen() && first.Compare(last) <= 0
		return func(w *walk) bdd.Node { return w.of(f, w.addressAmong(f, first, last), "in "+text) }, ok
	}
}

// withinRange is true where the bits of an address are from first to last.
func (w *World) withinRange(bits []bdd.Node, first, last netip.Addr) bdd.Node {
	if first.BitLen() != len(bits) {
		return bdd.False
	}
	low, high := bdd.True, bdd.True
	a, b := first.AsSlice(), last.AsSlice()
	for i := len(bits) - 1; i >= 0; i-- {
		if a[i/8]>>(7-i%8)&1 == 1 {
			low = w.g.And(bits[i], low)
		} else {
			low = w.g.Or(bits[i], low)
		}
		if b[i/8]>>(7-i%8)&1 == 1 {
			high = w.g.Choose(bits[i], high, bdd.True)
		} else {
			high = w.g.Without(high, bits[i])
		}
	}
	return w.g.And(low, high)
}

// interfaceNamed reads the name of an interface, or the beginning of one before a "+".
func interfaceNamed(f Field) func(string) (question, bool) {
	return func(text string) (question, bool) {
		return func(w *walk) bdd.Node {
			any := bdd.False
			for i, name := range w.interfaces {
				if name == text || strings.HasSuffix(text, "+") && strings.HasPrefix(name, text[:len(text)-1]) {
					any = w.g.Or(any, w.equal(w.seen(f), uint64(i+1)))
				}
			}
			return any
		}, true
	}
}

// mark reads "0x10/0xff" or "16".
func mark(text string) (question, bool) {
	value, mask, ok := masked(text)
	return func(w *walk) bdd.Node { return w.masked(w.seen(Mark), value&mask, mask) }, ok && value&^mask == 0
}

// masked reads a value and its mask: all bits where there is none.
func masked(text string) (value, mask uint64, ok bool) {
	low, high, has := strings.Cut(text, "/")
	if !has {
		high = "0xffffffff"
	}
	value, ok = number(low, 32)
	mask, ok2 := number(high, 32)
	return value, mask, ok && ok2
}
