package guard

import (
	"fmt"
	"net/netip"
	"slices"

	"hardenctl/compiler/netset"
	"hardenctl/compiler/ruleset"
)

// The most addresses that are tried of one prefix, and of all.
const (
	mostOfPrefix = 16
	mostOfAll    = 64
)

// declared returns the visits of the profile's admin addresses to its admin
// services.
func (q Question) declared() (visits []*visit, notes []string) {
	doors := q.adminDoors()
	addresses, prefixes, tried := q.adminSamples()
	if tried < prefixes {
		notes = append(notes, fmt.Sprintf("of the %d prefixes of access.admin the first %d were tried", prefixes, tried))
	}
	for _, a := range addresses {
		for _, d := range doors {
			visits = append(visits, &visit{from: a, door: d, learned: learnedDeclared})
		}
	}
	return visits, notes
}

// adminDoors are the first and the last port of each range of each service.
func (q Question) adminDoors() []door {
	var doors []door
	for _, s := range q.Bundle.Manifest.Access.Services {
		for _, p := range s.Ports {
			doors = append(doors, door{protocol: p.Protocol, number: p.First, service: s.Name})
			if p.Last != p.First {
				doors = append(doors, door{protocol: p.Protocol, number: p.Last, service: s.Name})
			}
		}
	}
	return doors
}

// adminSamples returns addresses that stand for all admin addresses, and of how
// many prefixes they are.
func (q Question) adminSamples() (addresses []netip.Addr, prefixes, tried int) {
	var admin netset.Set
	for _, name := range q.Bundle.Manifest.Access.Admin {
		admin = admin.Union(q.Want.Sets[name].Members)
	}
	cuts := q.cuts(admin)
	all := slices.Concat(admin.V4(), admin.V6())
	for _, p := range all {
		if len(addresses) >= mostOfAll {
			break
		}
		addresses = append(addresses, samples(p, cuts)...)
		tried++
	}
	return addresses, len(all), tried
}

// cuts returns what other sets of the profile have in common with the admin
// addresses: to a rule that looks into one, these differ from the rest.
func (q Question) cuts(admin netset.Set) []netset.Set {
	var cuts []netset.Set
	for _, s := range q.Bundle.Manifest.Sets {
		if s.Dynamic || slices.Contains(q.Bundle.Manifest.Access.Admin, s.Name) {
			continue
		}
		if both := admin.Intersect(q.Want.Sets[s.Name].Members); !both.IsEmpty() {
			cuts = append(cuts, both)
		}
	}
	return cuts
}

// samples returns the first and the last usable address of every piece into
// which the cuts part a prefix.
func samples(p netip.Prefix, cuts []netset.Set) []netip.Addr {
	pieces := []netset.Set{netset.Of(p).Subtract(unusable)}
	if pieces[0].IsEmpty() {
		return nil
	}
	for _, cut := range cuts {
		if len(pieces) >= mostOfPrefix/2 {
			break
		}
		var finer []netset.Set
		for _, piece := range pieces {
			finer = append(finer, piece.Intersect(cut), piece.Subtract(cut))
		}
		pieces = slices.DeleteFunc(finer, netset.Set.IsEmpty)
	}
	var addresses []netip.Addr
	for _, piece := range pieces[:min(len(pieces), mostOfPrefix/2)] {
		first, last := ends(piece)
		addresses = append(addresses, first, last)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}

// ends returns the first and the last address of a piece, those left out that
// name a network or all its hosts.
func ends(piece netset.Set) (first, last netip.Addr) {
	prefixes := slices.Concat(piece.V4(), piece.V6())
	head, tail := prefixes[0], prefixes[len(prefixes)-1]
	first, last = head.Addr(), lastOf(tail)
	if next := first.Next(); head.Contains(next) && head.Bits() < head.Addr().BitLen()-1 {
		first = next
	}
	if tail.Addr().Is4() && tail.Bits() < 31 {
		last = last.Prev()
	}
	return first, last
}

// lastOf returns the highest address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for bit := p.Bits(); bit < p.Addr().BitLen(); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// unusable are addresses that no packet comes from: the kernel drops them as
// martians (ip_route_input_slow in the kernel's route.c), or takes them for its
// own. Link-local ones of IPv6 do not say by which interface they come.
var unusable = netset.Of(
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("224.0.0.0/3"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("::ffff:0:0/96"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
)

// family returns that of an address.
func family(a netip.Addr) ruleset.Family {
	if a.Is6() {
		return ruleset.V6
	}
	return ruleset.V4
}
