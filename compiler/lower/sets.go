package lower

import (
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A set of the profile that a service is for becomes a kernel set of the same name,
// beside those that lowering makes by itself. Which names are its own, lowering
// learns from itself: each that it makes or looks for is claimed. So a profile's set
// of such a name is found whatever else the profile has, and no list can lack one.

// setName is the kernel's name for a set of lowering's own, for which a rule looks.
func (f *filter) setName(name string) string {
	f.claim(name)
	return setName(name, f.family)
}

func (l *lowering) claim(name string) { l.claimed[name] = true }

// makers make the sets that lowering has beside those that the profile fills.
var makers = []func(*lowering){
	(*lowering).addDynamicSets, (*lowering).addKnockSets, (*lowering).addCallerSets,
	(*lowering).addGuessSets, (*lowering).addJailSets, (*lowering).addSearches,
}

// addSets adds all sets, and claims the names of those that the makers have made.
func (l *lowering) addSets() {
	l.addMemberSets()
	filled := len(l.sets)
	for _, add := range makers {
		add(l)
	}
	for _, s := range l.sets[filled:] {
		name := strings.TrimPrefix(s.Name, ruleset.SetPrefix)
		l.claim(strings.TrimSuffix(name, familySuffix(s.Family)))
	}
}

// clashes reports the sets of the profile whose names are lowering's own.
func (l *lowering) clashes() diag.List {
	var list diag.List
	for _, s := range l.profile.Sets {
		if l.borrowed[s.Name] && l.claimed[s.Name] {
			list.Add(diag.Diagnostic{
				Code: "reserved-name", Position: s.Position, Subject: "sets." + s.Name,
				Message:    fmt.Sprintf("a service is for this set, and hardenctl has a set of its own that is called %s", setName(s.Name, ruleset.V4)),
				Suggestion: fmt.Sprintf("name it %q", "my-"+s.Name[:min(len(s.Name), profile.MaxName-len("my-"))]),
			})
		}
	}
	return list
}

// setName is the kernel's name for a set or a list of one family.
func setName(name string, family ruleset.Family) string {
	return ruleset.SetPrefix + ruleset.InKernel(name) + familySuffix(family)
}

// longName is a name that the kernel has in a shorter form; empty for others.
func longName(name string) string {
	if ruleset.InKernel(name) == name {
		return ""
	}
	return name
}

func familySuffix(family ruleset.Family) string { return fmt.Sprintf("-v%d", family) }

// has reports whether the family has a set of that name. A set that would be
// empty is left out, and the rules that look into it with it.
func (f *filter) has(name string) bool { return f.exists(f.setName(name)) }

func (f *filter) exists(full string) bool {
	return slices.ContainsFunc(f.sets, func(s ruleset.Set) bool { return s.Name == full })
}

func (f *filter) inSet(name string) ruleset.InSet {
	return ruleset.InSet{Set: f.setName(name), Direction: ruleset.ToSource}
}

// fromWay returns the match for sources that a service is for; none if they are none in
// this family.
func (f *filter) fromWay(s profile.Service, from profile.Sources) (match ruleset.InSet, ok bool) {
	full := setName(fromSet(s, from), f.family)
	return ruleset.InSet{Set: full, Direction: ruleset.ToSource}, f.exists(full)
}

// addMemberSets adds the sets that the profile fills. Each list of addresses
// becomes one set, whatever it refers to, so that a packet is looked up once.
func (l *lowering) addMemberSets() {
	access := l.profile.Access
	admin := l.profile.Addresses(access.Admin)
	for _, own := range []string{"admin", "trusted", "block", "echo"} {
		l.claim(own)
	}
	l.addMembers("admin", "access.admin", access.Position, admin)
	l.addMembers("trusted", "access", access.Position, admin.Union(l.profile.Addresses(access.Exempt)))
	l.addMembers("block", "access.block", access.Position, l.profile.Addresses(access.Block))
	l.addMembers("echo", "icmp.echo_from", l.profile.ICMP.Position, l.profile.Addresses(l.profile.ICMP.EchoFrom))
	l.addTrustSets()
	for _, s := range l.profile.Services {
		for _, from := range l.profile.Sources(s) {
			l.noteFrom(s, from)
			l.addMembers(fromSet(s, from), "services."+s.Name, s.Position, l.profile.Addresses(from.Refs))
		}
	}
}

// noteFrom notes whose name that of fromSet is.
func (l *lowering) noteFrom(s profile.Service, from profile.Sources) {
	if name := fromSet(s, from); name == from.Refs[0].Set {
		l.borrowed[name] = true
	} else {
		l.claim(name)
	}
}

// fromSet names the set of sources that may reach a service: that of the
// profile if it is only one, so that services share it, else one of its own. What counts by a
// zone alone is not in a set with what counts everywhere.
func fromSet(s profile.Service, from profile.Sources) string {
	switch {
	case len(from.Refs) == 1 && from.Refs[0].Set != "":
		return from.Refs[0].Set
	case from.Of != "":
		return "f-" + s.Name + "." + from.Of
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
			Name: full, Long: longName(name), Family: family, Type: ruleset.HashNet, Members: prefixes,
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
