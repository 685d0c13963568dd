package netset

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// explain returns what is wrong with a text that accept refused. It runs for
// the few lines that are reported, never for the many that are read.
func explain(text string) *SyntaxError {
	if len(text) <= maxExplained {
		for _, known := range mistakes {
			if e := known(text); e != nil {
				return e
			}
		}
	}
	return &SyntaxError{
		Code:       CodeAddress,
		Message:    quote(text) + " is not an address or prefix",
		Suggestion: "write an address such as 192.0.2.1 or a prefix such as 192.0.2.0/24",
	}
}

// maxExplained is the longest text that could be one of the mistakes below: a
// host name has at most 253 bytes.
const maxExplained = 256

// mistakes are the wrong forms that people write, the surest sign first.
var mistakes = []func(text string) *SyntaxError{mark, zone, mapped, port, length, numbers, host}

// mark finds what some editors put before the first line.
func mark(text string) *SyntaxError {
	if !strings.HasPrefix(text, "\ufeff") {
		return nil
	}
	return &SyntaxError{CodeBytes, quote(text) + " starts with a byte order mark", "save the list as UTF-8 without one"}
}

func zone(text string) *SyntaxError {
	bare, name, found := strings.Cut(text, "%")
	a, err := netip.ParseAddr(bare)
	if !found || err != nil {
		return nil
	}
	return &SyntaxError{CodeZone, fmt.Sprintf("%s names an interface, %s, which a set cannot hold", quote(text), quote(name)), "write " + a.Unmap().String()}
}

func mapped(text string) *SyntaxError {
	address, bits, isPrefix := strings.Cut(text, "/")
	a, err := netip.ParseAddr(address)
	if err != nil || !a.Is4In6() {
		return nil
	}
	instead := a.Unmap().String()
	if isPrefix {
		n, err := strconv.Atoi(bits)
		if err != nil || n < 96 || n > 128 {
			return &SyntaxError{CodeMapped, quote(text) + " is an IPv4-mapped IPv6 prefix, which no packet comes from", "write the IPv4 prefix"}
		}
		instead = netip.PrefixFrom(a.Unmap(), n-96).Masked().String()
	}
	return &SyntaxError{CodeMapped, quote(text) + " is an IPv4-mapped IPv6 address, which no packet comes from", "write " + instead}
}

func port(text string) *SyntaxError {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return &SyntaxError{CodePort, quote(text) + " has a port; a set holds addresses", "write " + ap.Addr().WithZone("").Unmap().String()}
	}
	inner, ok := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	p, accepted := accept(inner)
	if !ok || !closed || !accepted {
		return nil
	}
	return &SyntaxError{CodeAddress, quote(text) + " has brackets, which belong to an address with a port", "write " + string(AppendPrefix(nil, p.Masked()))}
}

// length finds a good address with a bad length.
func length(text string) *SyntaxError {
	address, bits, found := strings.Cut(text, "/")
	a, ok := acceptAddr(address)
	if !found || !ok {
		return nil
	}
	e := &SyntaxError{
		Code:       CodeLength,
		Message:    fmt.Sprintf("%s: the length of a prefix is a number from 0 to %d", quote(text), a.BitLen()),
		Suggestion: "write " + a.String() + " for one address",
	}
	if ones, ok := netmask(bits); ok && a.Is4() {
		e.Suggestion = "write " + netip.PrefixFrom(a, ones).Masked().String()
	}
	return e
}

// netmask turns 255.255.255.0 into 24.
func netmask(text string) (ones int, ok bool) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return 0, false
	}
	for ones = range 33 {
		if bits4(1<<32-1).clear(32-ones) == from4(a) {
			return ones, true
		}
	}
	return 0, false
}

func host(text string) *SyntaxError {
	bad := func(r rune) bool {
		return !(r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z')
	}
	letters := strings.ContainsFunc(text, func(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' })
	if !letters || strings.ContainsFunc(text, bad) {
		return nil
	}
	return &SyntaxError{CodeHost, quote(text) + " is a host name; a set holds addresses, and names change theirs", "write its addresses"}
}

// explainRange says what is wrong with "a-b" where one side at least is an
// address; nil for anything else, such as a name with a hyphen.
func explainRange(text string) *SyntaxError {
	first, last, found := strings.Cut(text, "-")
	a, okA := acceptAddr(first)
	b, okB := acceptAddr(last)
	switch {
	case !found || !okA && !okB || len(text) > maxExplained:
		return nil
	case !okA:
		return explain(first)
	case !okB:
		return explain(last)
	case a.Is4() != b.Is4():
		return &SyntaxError{CodeRange, quote(text) + " goes from one address family to the other", "write one range for each family"}
	}
	return &SyntaxError{CodeRange, quote(text) + " ends before it starts", fmt.Sprintf("write %s-%s", b, a)}
}

// maxQuoted is how many bytes of hostile text a message repeats.
const maxQuoted = 64

// quote returns text as a Go string literal, cut to maxQuoted bytes.
func quote(text string) string {
	if len(text) <= maxQuoted {
		return strconv.Quote(text)
	}
	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(text[:cut]) + "…"
}
