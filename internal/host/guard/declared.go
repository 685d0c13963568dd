package guard

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// The most pieces of one prefix that are tried, and about how many addresses of
// all; one address of each class is tried in any case.
const (
	mostOfPrefix = 8
	mostOfAll    = 64
)

// declared returns the visits of the profile's admin addresses to its admin
// services.
func (q *Question) declared(c classes) (visits []*visit, notes []string, err error) {
	doors, err := q.adminDoors()
	if err != nil {
		return nil, nil, err
	}
	addresses, prefixes, tried := q.adminSamples(c)
	if tried < prefixes {
		notes = append(notes, fmt.Sprintf("of the %d prefixes of access.admin the first %d were tried, and one address of each kind that a rule tells apart", prefixes, tried))
	}
	for _, a := range addresses {
		for _, d := range doors {
			visits = append(visits, &visit{from: a, door: d, learned: learnedDeclared})
		}
	}
	return visits, notes, nil
}

// adminDoors are the ends of each range of each service, and of the pieces into
// which other rules cut it.
func (q *Question) adminDoors() (doors []door, err error) {
	var ranges []bundle.Port
	if err := q.eachRule(func(r tablefile.Rule) { ranges = append(ranges, r.Ports()...) }); err != nil {
		return nil, err
	}
	for _, s := range q.Bundle.Manifest.Access.Services {
		for _, p := range s.Ports {
			for _, number := range edges(p, ranges) {
				doors = append(doors, door{protocol: p.Protocol, number: number, service: s.Name, interfaces: s.Interfaces})
			}
		}
	}
	return doors, nil
}

// edges returns the first and the last port of each piece into which other
// ranges cut one.
func edges(whole bundle.Port, cuts []bundle.Port) []uint16 {
	ports := []uint16{whole.First, whole.Last}
	for _, c := range cuts {
		if whole.Has(c.Protocol, c.First) && c.First > whole.First {
			ports = append(ports, c.First-1, c.First)
		}
		if whole.Has(c.Protocol, c.Last) && c.Last < whole.Last {
			ports = append(ports, c.Last, c.Last+1)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// admin returns the addresses that the profile declares.
func (q *Question) admin() (admin netset.Set) {
	for _, name := range q.Bundle.Manifest.Access.Admin {
		admin = admin.Union(q.Want.Sets[name].Members)
	}
	return admin
}

// adminSamples returns addresses that stand for all admin addresses: some of
// each class, and some of each prefix while they are not too many. It counts the
// prefixes, and those of which it took some.
func (q *Question) adminSamples(c classes) (addresses []netip.Addr, prefixes, tried int) {
	admin := q.admin()
	pieces := c.cut(admin.Subtract(unusable))
	for _, piece := range pieces {
		addresses = append(addresses, ends(piece)...)
	}
	most := max(mostOfAll, len(addresses))
	all := slices.Concat(admin.V4(), admin.V6())
	for _, p := range all {
		if len(addresses) >= most {
			break
		}
		addresses = append(addresses, samples(p, pieces)...)
		tried++
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses), len(all), tried
}

// samples returns the ends of what a prefix has of each piece.
func samples(p netip.Prefix, pieces []netset.Set) (addresses []netip.Addr) {
	whole, tried := netset.Of(p), 0
	for _, piece := range pieces {
		if part := piece.Intersect(whole); !part.IsEmpty() && tried < mostOfPrefix {
			addresses = append(addresses, ends(part)...)
			tried++
		}
	}
	return addresses
}

// ends returns the first and the last address of each family of a piece, those
// left out that name a network or all its hosts.
func ends(piece netset.Set) (addresses []netip.Addr) {
	for _, prefixes := range [][]netip.Prefix{piece.V4(), piece.V6()} {
		if len(prefixes) > 0 {
			first, last := endsOf(prefixes[0], prefixes[len(prefixes)-1])
			addresses = append(addresses, slices.Compact([]netip.Addr{first, last})...)
		}
	}
	return addresses
}

func endsOf(head, tail netip.Prefix) (first, last netip.Addr) {
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
