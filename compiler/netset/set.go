// Package netset models sets of IP addresses: it reads lists, normalises them,
// merges, subtracts and aggregates them, and gives back the fewest prefixes
// that cover a set exactly. A million entries is ordinary.
//
// A Set keeps each family as sorted, disjoint ranges that do not touch. In that
// form equal sets are equal ranges, every operation is one walk over both
// operands, and the fewest prefixes fall out range by range. IPv4 has ranges of
// its own, 8 bytes each, since blocklists are long and nearly all IPv4.
//
// Readers take only what netip takes. The kernel's tools are laxer: ipset 7.17
// reads 010.1.1.1 as 8.1.1.1 and 1.2 as 1.0.0.2, and asks the resolver for
// names, so a list that they would load can block the wrong network. Each line
// that a reader refuses is a diagnostic with its place, and says what to write.
package netset

import (
	"net/netip"
	"slices"
)

// Set is a set of IPv4 and IPv6 addresses. It does not change once made; the
// zero value is the empty set. As in netip, an IPv4-mapped IPv6 address is an
// IPv6 address.
type Set struct {
	v4 []span[bits4]
	v6 []span[bits6]
}

// Of returns the addresses that any of the prefixes covers. Host bits count
// for nothing: 10.1.2.3/8 is 10.0.0.0/8. An invalid prefix covers nothing.
func Of(prefixes ...netip.Prefix) Set {
	var b builder
	for _, p := range prefixes {
		if p.IsValid() {
			b.addPrefix(p)
		}
	}
	return b.set()
}

// Union returns the addresses that are in s or in t.
func (s Set) Union(t Set) Set {
	switch { // a set is never changed, so that it can be shared
	case s.IsEmpty():
		return t
	case t.IsEmpty():
		return s
	}
	return Set{union(s.v4, t.v4), union(s.v6, t.v6)}
}

// Intersect returns the addresses that are in s and in t.
func (s Set) Intersect(t Set) Set {
	return Set{intersect(s.v4, t.v4), intersect(s.v6, t.v6)}
}

// Subtract returns the addresses that are in s and not in t.
func (s Set) Subtract(t Set) Set {
	return Set{intersect(s.v4, complement(t.v4)), intersect(s.v6, complement(t.v6))}
}

// Contains reports whether a is in s. An address with a zone is in no set, nor
// is the zero Addr.
func (s Set) Contains(a netip.Addr) bool {
	switch {
	case a.Is4():
		return contains(s.v4, from4(a))
	case a.Is6() && a.Zone() == "":
		return contains(s.v6, from6(a))
	}
	return false
}

// Equal reports whether s and t hold the same addresses.
func (s Set) Equal(t Set) bool {
	return slices.Equal(s.v4, t.v4) && slices.Equal(s.v6, t.v6)
}

// IsEmpty reports whether s holds no address.
func (s Set) IsEmpty() bool { return len(s.v4) == 0 && len(s.v6) == 0 }

// Longer reports whether more than n prefixes are needed to cover s. It is cheap for a
// long set.
func (s Set) Longer(n int) bool {
	return len(s.v4)+len(s.v6) > n || blocks(s.v4)+blocks(s.v6) > n
}

// V4 returns the fewest IPv4 prefixes that cover the IPv4 part of s exactly, in
// order of address, or nil when it has none.
func (s Set) V4() []netip.Prefix { return prefixes(s.v4) }

// V6 returns the fewest IPv6 prefixes that cover the IPv6 part of s exactly, in
// order of address, or nil when it has none.
func (s Set) V6() []netip.Prefix { return prefixes(s.v6) }

// AllV4 reports whether s holds every IPv4 address, as 0.0.0.0/0 does, and as
// 0.0.0.0/1 with 128.0.0.0/1 does, which ipset takes where it refuses the /0.
func (s Set) AllV4() bool { return isAll(s.v4) }

// AllV6 reports whether s holds every IPv6 address.
func (s Set) AllV6() bool { return isAll(s.v6) }

// builder collects ranges in any order.
type builder struct {
	v4 []span[bits4]
	v6 []span[bits6]
}

// addPrefix adds a valid prefix.
func (b *builder) addPrefix(p netip.Prefix) {
	a, host := p.Addr(), p.Addr().BitLen()-p.Bits()
	if a.Is4() {
		b.v4 = append(b.v4, block(from4(a), host))
	} else {
		b.v6 = append(b.v6, block(from6(a), host))
	}
}

// addRange adds the addresses from first to last, which are of one family and
// in order.
func (b *builder) addRange(first, last netip.Addr) {
	if first.Is4() {
		b.v4 = append(b.v4, span[bits4]{from4(first), from4(last)})
	} else {
		b.v6 = append(b.v6, span[bits6]{from6(first), from6(last)})
	}
}

// set returns what was added. The builder must not be used after it.
func (b *builder) set() Set {
	sort4(b.v4)
	slices.SortFunc(b.v6, func(x, y span[bits6]) int { return x.first.compare(y.first) })
	return Set{join(b.v4), join(b.v6)}
}
