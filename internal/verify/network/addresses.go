package network

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// Unlisted are addresses that the profile names nowhere: they are in none of its
// sets and lists. Each attack uses its own, so that the ban of one attacker does
// not hit the next.
type Unlisted struct {
	v4, v6 netip.Prefix // a /16 and a /48
	taken  atomic.Int32
}

// serverNetworks are the link of every lab network.
var serverNetworks = netset.Of(
	netip.MustParsePrefix(lab.ServerV4+"/24"), netip.MustParsePrefix(lab.ServerV6+"/64"))

// errNoUnlisted is the error of a profile whose sets hold all candidates.
var errNoUnlisted = errors.New("the profile's sets leave no /16 and /48 outside of them to attack from")

// findUnlisted finds two groups of addresses outside of everything that the
// profile names.
func findUnlisted(p *profile.Profile) (a, b *Unlisted, err error) {
	named := serverNetworks
	for _, s := range p.Sets {
		named = named.Union(s.Members)
	}
	named = named.Union(p.Addresses(references(p)))
	v4, v6 := outside(named, v4Candidate), outside(named, v6Candidate)
	if len(v4) < 2 || len(v6) < 2 {
		return nil, nil, errNoUnlisted
	}
	return &Unlisted{v4: v4[0], v6: v6[0]}, &Unlisted{v4: v4[1], v6: v6[1]}, nil
}

// references are all addresses that the profile gives a meaning.
func references(p *profile.Profile) []profile.Ref {
	all := slices.Concat(p.Access.Admin, p.Access.Exempt, p.Access.Block)
	for _, s := range p.Services {
		all = append(all, s.From...)
	}
	for _, z := range p.Zones {
		all = append(all, z.Trust.From...)
	}
	return all
}

// outside returns two of the candidates that touch nothing named.
func outside(named netset.Set, candidate func(i int) netip.Prefix) []netip.Prefix {
	var free []netip.Prefix
	for i := 0; i < 200 && len(free) < 2; i++ {
		if p := candidate(i); named.Intersect(netset.Of(p)).IsEmpty() {
			free = append(free, p)
		}
	}
	return free
}

// v4Candidate starts with the range for measurements (RFC 2544), which is not
// routed. Blocklists of unroutable addresses hold it; what follows is public.
func v4Candidate(i int) netip.Prefix {
	a := netip.AddrFrom4([4]byte{198, byte(18 + i), 0, 0})
	if i > 1 {
		a = netip.AddrFrom4([4]byte{byte(20 + i), byte(40 + i/2), 0, 0})
	}
	return netip.PrefixFrom(a, 16)
}

// v6Candidate starts with the range for documentation (RFC 3849).
func v6Candidate(i int) netip.Prefix {
	block := [4]byte{0x20, 0x01, 0x0d, 0xb8}
	if i > 10 {
		block = [4]byte{0x2a, 0x10, byte(i), 0}
	}
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{block[0], block[1], block[2], block[3], 0x66, byte(i)}), 48)
}

// Number returns the unlisted address with this number: the addresses differ in /32
// and in /64, which is what the kernel counts by.
func (s *Unlisted) Number(n uint16, family int) netip.Addr {
	if family == 4 {
		b := s.v4.Addr().As4()
		binary.BigEndian.PutUint16(b[2:], n)
		return netip.AddrFrom4(b)
	}
	b := s.v6.Addr().As16()
	binary.BigEndian.PutUint16(b[6:], n)
	b[15] = 1
	return netip.AddrFrom16(b)
}

// Next returns the number of an unlisted address that is not in use.
func (s *Unlisted) Next() uint16 {
	return uint16(s.taken.Add(1))
}

// Resident returns an address of a list, one that a host can have: it is not
// the server's, and no network or broadcast address of a /24.
func Resident(p *profile.Profile, refs []profile.Ref, family int) (netip.Addr, bool) {
	members := p.Addresses(refs)
	prefixes := members.V4()
	if family == 6 {
		prefixes = members.V6()
	}
	for _, prefix := range prefixes {
		// The first addresses of a network are its routers' more often than not.
		a := prefix.Addr()
		for range 6 {
			if next := a.Next(); prefix.Contains(next) {
				a = next
			}
		}
		if inhabitable(a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

func inhabitable(a netip.Addr) bool {
	server := a == netip.MustParseAddr(lab.ServerV4) || a == netip.MustParseAddr(lab.ServerV6)
	last := a.AsSlice()[len(a.AsSlice())-1]
	return !server && a.IsGlobalUnicast() && (a.Is6() || last != 0 && last != 255)
}

// Trusts reports whether an address is admin or exempt, which wins over block.
func (s *Network) Trusts(a netip.Addr) bool {
	return s.Profile.Addresses(slices.Concat(s.Profile.Access.Admin, s.Profile.Access.Exempt)).Contains(a)
}

// Residents returns an address of each family from a list.
func (s *Network) Residents(refs []profile.Ref) (addresses []netip.Addr) {
	for _, family := range Families {
		if a, ok := Resident(s.Profile, refs, family); ok {
			addresses = append(addresses, a)
		}
	}
	return addresses
}

// Newcomer returns an unlisted address that is not in use.
func (s *Network) Newcomer(family int) netip.Addr {
	return s.Unlisted.Number(s.Unlisted.Next(), family)
}

// Unlisted4 returns an unlisted IPv4 address.
func (s *Network) Unlisted4() netip.Addr { return s.Unlisted.Number(s.Unlisted.Next(), 4) }
