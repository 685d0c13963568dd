package netset

import (
	"fmt"
	"net/netip"
	"strings"
)

// SyntaxError says why a text is not an address, a prefix or a range, in the
// same words for a list and for an address inside a profile.
type SyntaxError struct {
	// Code is a stable word for machines: one of the Code constants.
	Code string
	// Message says what is wrong; it quotes at most 64 bytes of the text.
	Message string
	// Suggestion says what to write instead; it may be empty.
	Suggestion string
}

// The codes of what can be wrong with an entry.
const (
	CodeAddress = "bad-address"    // not an address, prefix or range
	CodeHost    = "host-name"      // a name, which only a resolver could turn into addresses
	CodeOctal   = "octal-address"  // 010.1.1.1
	CodeShort   = "short-address"  // 1.2 or 10/8
	CodePort    = "address-port"   // 192.0.2.1:80
	CodeZone    = "address-zone"   // fe80::1%eth0
	CodeMapped  = "mapped-address" // ::ffff:192.0.2.1
	CodeLength  = "prefix-length"  // 192.0.2.0/33
	CodeBits    = "host-bits"      // 10.1.2.3/8
	CodeRange   = "bad-range"      // 192.0.2.9-192.0.2.1
)

// Error returns the message.
func (e *SyntaxError) Error() string { return e.Message }

// ParsePrefix reads one address or prefix in the strict form: all four parts
// of an IPv4 address, no leading zeros, no zone, no IPv4-mapped IPv6, no host
// bits beyond the length. An address becomes a prefix of full length. The error
// is a *SyntaxError.
func ParsePrefix(text string) (netip.Prefix, error) {
	p, ok := accept(text)
	if !ok {
		return netip.Prefix{}, explain(text)
	}
	if p != p.Masked() {
		return netip.Prefix{}, hostBits(text, p)
	}
	return p, nil
}

// Parse reads one address, prefix or range "first-last", the ends included, in the strict
// form of ParsePrefix. A range becomes the fewest prefixes that cover it, in order. The error
// is a *SyntaxError.
func Parse(text string) ([]netip.Prefix, error) {
	if first, last, ok := acceptRange(text); ok {
		var b builder
		b.addRange(first, last)
		covered := b.set()
		return append(covered.V4(), covered.V6()...), nil
	}
	if err := explainRange(text); err != nil {
		return nil, err
	}
	p, err := ParsePrefix(text)
	if err != nil {
		return nil, err
	}
	return []netip.Prefix{p}, nil
}

// accept reads an address or prefix, host bits and all. It takes what netip
// takes, except IPv4-mapped addresses: the kernel never sees a packet from one.
func accept(text string) (netip.Prefix, bool) {
	if len(text) > len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128") {
		return netip.Prefix{}, false
	}
	if strings.IndexByte(text, '/') >= 0 {
		p, err := netip.ParsePrefix(text)
		return p, err == nil && !p.Addr().Is4In6()
	}
	a, ok := acceptAddr(text)
	return netip.PrefixFrom(a, a.BitLen()), ok
}

func acceptAddr(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Zone() == "" && !a.Is4In6()
}

// acceptRange reads "first-last", the ends included.
func acceptRange(text string) (first, last netip.Addr, ok bool) {
	a, b, found := strings.Cut(text, "-")
	if !found {
		return first, last, false
	}
	first, ok = acceptAddr(a)
	if !ok {
		return first, last, false
	}
	last, ok = acceptAddr(b)
	return first, last, ok && first.Is4() == last.Is4() && first.Compare(last) <= 0
}

// hostBits is the error of a prefix that has address bits beyond its length.
func hostBits(text string, p netip.Prefix) *SyntaxError {
	return &SyntaxError{
		Code:       CodeBits,
		Message:    fmt.Sprintf("%s has address bits beyond its length of %d", quote(text), p.Bits()),
		Suggestion: fmt.Sprintf("write %s for the whole prefix, or %s for the one address", p.Masked(), p.Addr()),
	}
}

// scan4 reads a prefix of plain dotted IPv4, or an address, at the start of
// text: the form of nearly every line of a long list. It returns how many bytes
// it read, or 0 where the careful readers must look; what it takes, netip takes.
func scan4(text string) (s span[bits4], n int) {
	a, n := scanAddr4(text)
	if n == 0 || n == len(text) || text[n] != '/' {
		return span[bits4]{a, a}, n
	}
	length, digits := scanNumber(text[n+1:], 32)
	if digits == 0 || block(a, 32-length).first != a {
		return s, 0
	}
	return block(a, 32-length), n + 1 + digits
}

// scanAddr4 reads four numbers with dots between them.
func scanAddr4(text string) (a bits4, n int) {
	for part := range 4 {
		if part > 0 {
			if n >= len(text) || text[n] != '.' {
				return 0, 0
			}
			n++
		}
		number, digits := scanNumber(text[n:], 255)
		if digits == 0 {
			return 0, 0
		}
		a = a<<8 | bits4(number)
		n += digits
	}
	return a, n
}

// scanNumber reads a decimal number up to limit, which has at most three
// digits, without a leading zero.
func scanNumber(text string, limit int) (number, digits int) {
	for digits < len(text) && digits < 4 && '0' <= text[digits] && text[digits] <= '9' {
		number = number*10 + int(text[digits]-'0')
		digits++
	}
	if digits > 1 && text[0] == '0' || number > limit {
		return 0, 0
	}
	return number, digits
}
