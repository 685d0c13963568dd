package guard

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
)

// classes tell apart what the rules of a bundle can tell apart: the rules decide
// alike over two addresses of one class. Each part is what one set, or one rule
// by its own, matches: an address's class is the list of the parts that hold it.
type classes struct {
	parts []netset.Set
	// places are those of which only destinations are a part, and ports the ranges
	// that rules name.
	places []netset.Set
	ports  []bundle.Port
}

// mostPieces is the most pieces into which a set of addresses is cut. That many
// kinds of admin addresses are not in a profile that a person has written.
const mostPieces = 256

// of returns the class of an address, as a key: a bit for each part.
func (c classes) of(a netip.Addr) string {
	a = a.WithZone("")
	return bits(c.parts, func(part netset.Set) bool { return part.Contains(a) })
}

// ofPlace returns the class of an address as a destination.
func (c classes) ofPlace(a netip.Addr) string {
	a = a.WithZone("")
	return c.of(a) + bits(c.places, func(part netset.Set) bool { return part.Contains(a) })
}

// ofDoor returns the class of a port.
func (c classes) ofDoor(d door) string {
	return d.protocol + " " + d.service + " " + bits(c.ports, func(p bundle.Port) bool { return p.Has(d.protocol, d.number) })
}

// bits are a bit for each part, which is set if the part holds what is asked for.
func bits[Part any](parts []Part, holds func(Part) bool) string {
	key := make([]byte, (len(parts)+7)/8)
	for i, part := range parts {
		if holds(part) {
			key[i/8] |= 1 << (i % 8)
		}
	}
	return string(key)
}

// cut returns the pieces of a set, one for each class that it has addresses of;
// at most mostPieces.
func (c classes) cut(whole netset.Set) []netset.Set {
	if whole.IsEmpty() {
		return nil
	}
	pieces := []netset.Set{whole}
	for _, part := range c.parts {
		if part = part.Intersect(whole); part.IsEmpty() {
			continue
		}
		var finer []netset.Set
		for _, piece := range pieces {
			finer = append(finer, piece.Intersect(part), piece.Subtract(part))
		}
		pieces = slices.DeleteFunc(finer, netset.Set.IsEmpty)
		pieces = pieces[:min(len(pieces), mostPieces)]
	}
	return pieces
}

// classes returns those of the bundle, with what its sets will hold: the members
// that the profile states, and the entries that packets have left.
func (q *Question) classes() (c classes, err error) {
	for _, entry := range q.Bundle.Manifest.Sets {
		part := q.Want.Sets[entry.Name].Members
		if entry.Dynamic {
			part = covers(q.live[entry.Name])
		}
		if !part.IsEmpty() {
			c.parts = append(c.parts, part)
		}
	}
	c.parts = append(c.parts, q.others.parts...)
	err = q.eachRule(func(r tablefile.Rule) {
		for _, text := range []string{r.Source(), r.SourceRange()} {
			if text != "" {
				c.parts = append(c.parts, sources([]byte(text)))
			}
		}
		prefix, span := r.Destinations()
		for _, text := range []string{prefix, span} {
			if text != "" {
				c.places = append(c.places, sources([]byte(text)))
			}
		}
		c.ports = append(c.ports, r.Ports()...)
	})
	return c, err
}

// covers returns what entries of a set match.
func covers(entries []kernelset.Entry) netset.Set {
	prefixes := make([]netip.Prefix, len(entries))
	for i, e := range entries {
		prefixes[i] = e.Prefix
	}
	return netset.Of(prefixes...)
}

// eachRule calls f for every rule of the bundle, and those of others that decide.
func (q *Question) eachRule(f func(tablefile.Rule)) error {
	for _, family := range q.Families {
		read, err := tablefile.Parse(q.rules(family))
		if err != nil {
			return fmt.Errorf("%s: %w", rulesFile(family), err)
		}
		for _, table := range read.Tables {
			for _, chain := range table.Chains {
				for _, rule := range chain.Rules {
					f(rule)
				}
			}
		}
	}
	return nil
}

// readLive reads, of the sets that packets fill and whose entries an apply keeps,
// the entries of the host that hold one of the addresses.
func (q *Question) readLive(of netset.Set) error {
	q.live = map[string][]kernelset.Entry{}
	sources := wholeSources(of)
	for _, entry := range q.Bundle.Manifest.Sets {
		if !entry.Dynamic || !q.remembers(entry, q.Want.Sets[entry.Name]) {
			continue
		}
		entries, err := holding(cmp.Or(q.Copies[entry.Name], entry.Name), sources)
		if err != nil {
			return err
		}
		q.live[entry.Name] = entries
	}
	return nil
}

// holding returns the entries of a set of the host that lie in the sources.
func holding(name string, sources netset.Set) (entries []kernelset.Entry, err error) {
	for e, err := range kernelset.Members(name) {
		if errors.Is(err, kernelset.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if sources.Contains(e.Prefix.Addr()) {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// sourceBits is how much of an address is one source to the limits and bans of a
// bundle: all of an IPv4 address, and a /64 of IPv6.
func sourceBits(a netip.Addr) int {
	if a.Is6() {
		return 64
	}
	return 32
}

// source is what limits and bans count an address as.
func source(a netip.Addr) netip.Prefix {
	a = a.WithZone("")
	return netip.PrefixFrom(a, sourceBits(a)).Masked()
}

// wholeSources returns the addresses with all that limits and bans count as one
// with them.
func wholeSources(of netset.Set) netset.Set {
	prefixes := slices.Concat(of.V4(), of.V6())
	for i, p := range prefixes {
		prefixes[i] = netip.PrefixFrom(p.Addr(), min(p.Bits(), sourceBits(p.Addr()))).Masked()
	}
	return netset.Of(prefixes...)
}
