package netset

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// numbers finds IPv4 in the loose forms of the C library: abbreviated, or with
// leading zeros, or with a part that is too large. The message tells what ipset
// would put into its set.
func numbers(text string) *SyntaxError {
	address, _, isPrefix := strings.Cut(text, "/")
	parts := strings.Split(address, ".")
	if len(parts) > 4 || !slices.ContainsFunc(parts, isNumber) || slices.ContainsFunc(parts, isNotNumber) {
		return nil
	}
	suffix := text[len(address):]
	switch {
	case slices.ContainsFunc(parts, hasLeadingZero):
		return &SyntaxError{CodeOctal, quote(text) + " has a part with a leading zero" + reading(parts, suffix), fourParts(parts, suffix)}
	case len(parts) == 4:
		return &SyntaxError{CodeAddress, quote(text) + " is not an IPv4 address or prefix", fourParts(parts, suffix)}
	case isPrefix:
		padded := append(slices.Clip(parts), []string{"0", "0", "0"}[:4-len(parts)]...)
		return &SyntaxError{CodeShort, quote(text) + " is abbreviated" + reading(parts, suffix), fourParts(padded, suffix)}
	}
	return &SyntaxError{CodeShort, quote(text) + " is abbreviated" + reading(parts, suffix), fourParts(parts, suffix)}
}

func isNumber(part string) bool {
	return part != "" && strings.Trim(part, "0123456789") == ""
}

func isNotNumber(part string) bool { return !isNumber(part) }

func hasLeadingZero(part string) bool { return len(part) > 1 && part[0] == '0' }

// fourParts suggests the parts as decimal numbers, where they then make an
// address.
func fourParts(parts []string, suffix string) string {
	plain := make([]string, len(parts))
	for i, part := range parts {
		plain[i] = strings.TrimLeft(part[:len(part)-1], "0") + part[len(part)-1:]
	}
	if p, ok := accept(strings.Join(plain, ".") + suffix); ok {
		return "write " + string(AppendPrefix(nil, p.Masked()))
	}
	return "write all four parts of the address, each a number from 0 to 255"
}

// reading says what ipset makes of the parts, if it takes them: it cuts the
// address that inet_aton reads to the length, so that 10.1/16 is 10.0.0.0/16.
func reading(parts []string, suffix string) string {
	a, ok := aton(parts)
	if !ok {
		return ""
	}
	p, ok := accept(a.String() + suffix)
	if !ok {
		return ""
	}
	return ", which ipset reads as " + string(AppendPrefix(nil, p.Masked()))
}

// aton reads one to four numbers as inet_aton does: octal where they have a
// leading zero, and the last one fills all the bytes that are left.
func aton(parts []string) (netip.Addr, bool) {
	var a uint64
	for i, part := range parts {
		size := 8
		if i == len(parts)-1 {
			size = 8 * (4 - i)
		}
		base := 10
		if hasLeadingZero(part) {
			base = 8
		}
		n, err := strconv.ParseUint(part, base, size)
		if err != nil {
			return netip.Addr{}, false
		}
		a = a<<size | n
	}
	return bits4(a).prefix(0).Addr(), true
}
