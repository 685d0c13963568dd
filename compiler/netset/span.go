package netset

import (
	"net/netip"
	"slices"
)

// span is the addresses from first to last, both included.
type span[A address[A]] struct{ first, last A }

// block returns the 1<<host addresses of the prefix that a is in.
func block[A address[A]](a A, host int) span[A] {
	return span[A]{a.clear(host), a.fill(host)}
}

// The functions below keep the form that Set promises: sorted by address,
// disjoint, and with at least one address between neighbours; nil for none.

// join brings spans that are sorted by their first address into that form, in
// place.
func join[A address[A]](sorted []span[A]) []span[A] {
	if len(sorted) == 0 {
		return nil
	}
	kept := 0
	for _, s := range sorted[1:] {
		last := sorted[kept].last
		switch {
		case s.first.compare(last) > 0 && s.first != last.next():
			kept++
			sorted[kept] = s
		case s.last.compare(last) > 0:
			sorted[kept].last = s.last
		}
	}
	return sorted[:kept+1]
}

// union merges two lists.
func union[A address[A]](a, b []span[A]) []span[A] {
	merged := make([]span[A], 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].first.compare(b[0].first) > 0 {
			a, b = b, a
		}
		merged = append(merged, a[0])
		a = a[1:]
	}
	merged = append(append(merged, a...), b...)
	return join(merged)
}

// intersect returns what is in both lists. Of two spans the one that ends
// first can meet nothing more.
func intersect[A address[A]](a, b []span[A]) []span[A] {
	var both []span[A]
	for len(a) > 0 && len(b) > 0 {
		if a[0].last.compare(b[0].last) > 0 {
			a, b = b, a
		}
		first := a[0].first
		if b[0].first.compare(first) > 0 {
			first = b[0].first
		}
		if first.compare(a[0].last) <= 0 {
			both = append(both, span[A]{first, a[0].last})
		}
		a = a[1:]
	}
	return both
}

// complement returns the gaps of a list: every address of the family that is
// not in it.
func complement[A address[A]](a []span[A]) []span[A] {
	var first, zero A
	gaps := make([]span[A], 0, len(a)+1)
	for _, s := range a {
		if s.first != first {
			gaps = append(gaps, span[A]{first, s.first.prev()})
		}
		first = s.last.next()
	}
	if first != zero || len(a) == 0 {
		gaps = append(gaps, span[A]{first, zero.prev()})
	}
	return gaps
}

// contains finds x by halving.
func contains[A address[A]](a []span[A], x A) bool {
	i, exact := slices.BinarySearchFunc(a, x, func(s span[A], x A) int { return s.first.compare(x) })
	return exact || i > 0 && x.compare(a[i-1].last) <= 0
}

// isAll reports whether the list is one span from the lowest address to the
// highest.
func isAll[A address[A]](a []span[A]) bool {
	var zero A
	return len(a) == 1 && a[0] == span[A]{zero, zero.prev()}
}

// prefixes cuts each span into the fewest prefixes: from its first address on,
// always the largest block that starts there and does not pass its end. Since
// spans do not touch, no block of one could be joined with one of another.
func prefixes[A address[A]](a []span[A]) []netip.Prefix {
	if len(a) == 0 {
		return nil
	}
	out := make([]netip.Prefix, 0, blocks(a))
	for _, s := range a {
		host := s.first.hostBits(s.last)
		for ; s.first.fill(host) != s.last; host = s.first.hostBits(s.last) {
			out = append(out, s.first.prefix(host))
			s.first = s.first.fill(host).next()
		}
		out = append(out, s.first.prefix(host))
	}
	return out
}

// blocks is how many prefixes there will be: counting costs less than growing
// a list of them.
func blocks[A address[A]](a []span[A]) int {
	n := len(a)
	for _, s := range a {
		for end := s.first.fill(s.first.hostBits(s.last)); end != s.last; n++ {
			first := end.next()
			end = first.fill(first.hostBits(s.last))
		}
	}
	return n
}
