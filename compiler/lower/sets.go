package lower

import (
	"math/bits"
	"net/netip"
	"slices"

	"hardenctl/compiler/diag"
	"hardenctl/compiler/netset"
	"hardenctl/compiler/profile"
	"hardenctl/compiler/ruleset"
)

// setName is the kernel's name for a set of one family. A profile's names are
// at most 16 characters, the kernel's 31.
func (f *filter) setName(name string) string { return setName(name, f.family) }

func setName(name string, family ruleset.Family) string {
	if family == ruleset.V6 {
		return ruleset.SetPrefix + name + "-v6"
	}
	return ruleset.SetPrefix + name + "-v4"
}

// has reports whether the family has a set of that name. A set that would be
// empty is left out, and the rules that look into it with it.
func (f *filter) has(name string) bool {
	full := f.setName(name)
	return slices.ContainsFunc(f.sets, func(s ruleset.Set) bool { return s.Name == full })
}

func (f *filter) inSet(name string) ruleset.InSet {
	return ruleset.InSet{Set: f.setName(name), Direction: ruleset.ToSource}
}

// addMemberSets adds the sets that the profile fills. Each list of addresses
// becomes one set, whatever it refers to, so that a packet is looked up once.
func (l *lowering) addMemberSets() {
	access := l.profile.Access
	admin := l.profile.Addresses(access.Admin)
	l.addMembers("admin", "access.admin", access.Position, admin)
	l.addMembers("trusted", "access", access.Position, admin.Union(l.profile.Addresses(access.Exempt)))
	l.addMembers("block", "access.block", access.Position, l.profile.Addresses(access.Block))
	for _, s := range l.profile.Services {
		if len(s.From) > 0 {
			l.addMembers(fromSet(s), "services."+s.Name, s.Position, l.profile.Addresses(s.From))
		}
	}
}

// fromSet names the set of sources that may reach a service: that of the
// profile if it is only one, so that services share it, else one of its own.
func fromSet(s profile.Service) string {
	if len(s.From) == 1 && s.From[0].Set != "" {
		return s.From[0].Set
	}
	return "f-" + s.Name
}

func (l *lowering) addMembers(name, part string, pos diag.Position, members netset.Set) {
	for _, family := range ruleset.Families {
		prefixes := prefixesOf(members, family)
		full := setName(name, family)
		exists := slices.ContainsFunc(l.sets, func(s ruleset.Set) bool { return s.Name == full })
		if len(prefixes) == 0 || exists {
			continue
		}
		l.sets = append(l.sets, ruleset.Set{
			Name: full, Family: family, Type: ruleset.HashNet, Members: prefixes,
			HashSize:    powerOfTwo(len(prefixes)/3, 1024),
			MaxElements: powerOfTwo(len(prefixes)+len(prefixes)/4, 65536),
			Origin:      l.origin(part, pos),
		})
	}
}

// lists returns the sets of the profile that state how much they may shrink.
func (l *lowering) lists() []ruleset.List {
	var lists []ruleset.List
	for _, s := range l.profile.Sets {
		if most := s.MaximumShrink; most.N > 0 {
			lists = append(lists, ruleset.List{Name: s.Name, Entries: s.Entries, MaximumShrink: int(most.N), Origin: l.origin("sets."+s.Name, most.Position)})
		}
	}
	return lists
}

func prefixesOf(set netset.Set, family ruleset.Family) []netip.Prefix {
	if family == ruleset.V6 {
		return set.V6()
	}
	return set.V4()
}

// powerOfTwo returns the lowest power of two that is at least n and least.
func powerOfTwo(n int, least uint32) uint32 {
	return max(least, 1<<bits.Len(uint(max(n-1, 0))))
}
