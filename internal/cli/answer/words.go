package answer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// speech says regions in the words of subjects.
type speech struct {
	family   ruleset.Family
	subjects []*Subject
}

// most is how many prefixes or ranges are said before "and N more".
const most = 6

// what says protocols, ports and ICMP types: "tcp/22, tcp/8000-8100".
func (s speech) what(r exact.Region) string {
	name := exact.ProtocolName(r.Protocols[0].First)
	switch {
	case r.Ports != nil && whole(r.Ports, 16):
		return "every port of " + name
	case r.Ports != nil:
		return list(r.Ports, name+"/%s")
	case r.Types != nil && !whole(r.Types, 8):
		return list(r.Types, name+" type %s")
	case len(r.Protocols) == 1 && r.Protocols[0].First == r.Protocols[0].Last:
		return name
	case whole(r.Protocols, 8):
		return "every protocol"
	}
	return list(r.Protocols, "protocol %s")
}

// whole reports whether ranges are all numbers of so many bits.
func whole(ranges []exact.Range, bits int) bool {
	return len(ranges) == 1 && ranges[0].First == 0 && ranges[0].Last == 1<<bits-1
}

func list(ranges []exact.Range, format string) string {
	var words []string
	for _, r := range ranges {
		text := fmt.Sprint(r.First)
		if r.Last > r.First {
			text = fmt.Sprintf("%d-%d", r.First, r.Last)
		}
		words = append(words, fmt.Sprintf(format, text))
	}
	return some(words)
}

// some are words, and how many more there are.
func some(words []string) string {
	if len(words) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
	}
	return strings.Join(words, ", ")
}

// interfaces says those of a region; "" where it does not matter.
func (s speech) interfaces(r exact.Region) string {
	names := slices.Clone(r.Interfaces)
	switch {
	case r.Any:
		return ""
	case r.Other && len(names) == 0:
		return "any interface that no rule names"
	case r.Other:
		names = append(names, "those that no rule names")
	}
	return some(names)
}

// addresses says addresses: "everyone", "@office", "everyone but @office", or prefixes.
func (s speech) addresses(all exact.Addresses) string {
	if all == nil {
		return "everyone"
	}
	whole := netset.Of(netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	if s.family == ruleset.V6 {
		whole = netset.Of(netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	}
	these := netset.Of(all...)
	others := whole.Subtract(these)
	named, ownName := s.name(these)
	butNamed, ownButName := s.name(others)
	rest := append(others.V4(), others.V6()...)
	switch {
	case ownName, len(all) > few && named != "":
		return named
	case ownButName:
		return "everyone but " + butNamed
	case len(rest) <= few:
		return "everyone but " + prefixes(rest)
	case butNamed != "":
		return "everyone but " + butNamed
	}
	return prefixes(all)
}

// few is how many prefixes say more than the name of a kernel set.
const few = 3

// name is the name of a set with these addresses, best one of the profile's own; "" if none
// has them.
func (s speech) name(these netset.Set) (found string, own bool) {
	if these.IsEmpty() {
		return "", false
	}
	for _, subject := range s.subjects {
		for kernel, members := range subject.Firewalls[s.family].KnownSets() {
			if members.Equal(these) && !own {
				found, own = subject.setName(kernel)
			}
		}
	}
	return found, own
}

func prefixes(all []netip.Prefix) string {
	var words []string
	for _, p := range all {
		if p.IsSingleIP() {
			words = append(words, p.Addr().String())
		} else {
			words = append(words, p.String())
		}
	}
	return some(words)
}

// setName is a kernel set in the words of the profile: "@office", "access.block"; own says
// that there are such words.
func (s *Subject) setName(kernel string) (name string, own bool) {
	part, known := s.sets[kernel]
	switch {
	case !known:
		return kernel, false
	case part == "access":
		return "the trusted sources", true
	case strings.HasPrefix(part, "access."):
		return part, true
	}
	name = strings.TrimPrefix(kernel, ruleset.SetPrefix)
	return "@" + strings.TrimSuffix(strings.TrimSuffix(name, "-v4"), "-v6"), true
}
