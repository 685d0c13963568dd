package answer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// speech says regions in the words of subjects.
type speech struct {
	family   ruleset.Family
	subjects []*Subject
}

// RegionView is the JSON form of a region, in words.
type RegionView struct {
	What         string `json:"what"`
	Interfaces   string `json:"interfaces,omitempty"`
	Sources      string `json:"sources"`
	Destinations string `json:"destinations"`
}

func (s speech) region(r exact.Region) RegionView {
	return RegionView{What(r), s.interfaces(r), s.listed(s.addresses(r.Sources), r), s.addresses(r.Destinations)}
}

// text says a region. leaves says that the packets leave this host: that their source is
// any needs no word then.
func (v RegionView) text(leaves bool) string {
	text := v.What
	if v.Sources != everyone || !leaves {
		text += " from " + v.Sources
	}
	if v.Destinations != everyone {
		text += " to " + strings.Replace(v.Destinations, everyone, "every address", 1)
	}
	if v.Interfaces != "" {
		text += " by " + v.Interfaces
	}
	return text
}

// everyone says all addresses.
const everyone = "everyone"

// conditions says what must be true.
func conditions(all []exact.Condition) []string {
	words := []string{}
	for _, c := range all {
		words = append(words, c.String())
	}
	return words
}

// most is how many prefixes or ranges are said before "and N more".
const most = 6

// What says the protocols, ports and ICMP types of a region: "tcp/22, tcp/8000-8100".
func What(r exact.Region) string {
	name := exact.ProtocolName(r.Protocols[0].First)
	switch {
	case r.Ports != nil && whole(r.Ports, 16):
		return "every port of " + name
	case r.Ports != nil && len(gaps(r.Ports, 16)) < len(r.Ports):
		return "every port of " + name + " but " + list(gaps(r.Ports, 16), "%s")
	case r.Ports != nil:
		return list(r.Ports, name+"/%s")
	case r.Types != nil && !whole(r.Types, 8):
		return name + " type " + list(r.Types, "%s")
	case len(r.Protocols) == 1 && r.Protocols[0].First == r.Protocols[0].Last:
		return name
	case whole(r.Protocols, 8):
		return "every protocol"
	case len(gaps(r.Protocols, 8)) == 1 && len(r.Protocols) > 1:
		but := gaps(r.Protocols, 8)
		if but[0].First == but[0].Last {
			return "every protocol but " + exact.ProtocolName(but[0].First)
		}
		return "every protocol but " + list(but, "%s")
	}
	return "protocol " + list(r.Protocols, "%s")
}

// whole reports whether ranges are all numbers of so many bits.
func whole(ranges []exact.Range, bits int) bool {
	return len(ranges) == 1 && ranges[0].First == 0 && ranges[0].Last == 1<<bits-1
}

// gaps are the numbers of so many bits that are not in ranges, which are in order.
func gaps(ranges []exact.Range, bits int) (all []exact.Range) {
	next := uint64(0)
	for _, r := range ranges {
		if r.First > next {
			all = append(all, exact.Range{First: next, Last: r.First - 1})
		}
		next = r.Last + 1
	}
	if next < 1<<bits {
		all = append(all, exact.Range{First: next, Last: 1<<bits - 1})
	}
	return all
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
	names := s.zones(slices.Clone(r.Interfaces))
	switch {
	case r.Any:
		return ""
	case r.Other && len(names) == 0:
		return "every other interface"
	case r.Other:
		names = append(names, "every other interface")
	}
	return some(names)
}

// zones says those interfaces that are all of a zone as the zone.
func (s speech) zones(names []string) []string {
	var zones []string
	for _, subject := range s.subjects {
		for _, z := range subject.zones {
			missing := func(i string) bool { return !slices.Contains(names, i) }
			if len(z.Interfaces) > 0 && !slices.ContainsFunc(z.Interfaces, missing) {
				names = slices.DeleteFunc(names, func(name string) bool { return bundle.ByInterface(z.Interfaces, name) })
				zones = append(zones, "zone "+z.Name)
			}
		}
	}
	for _, name := range names {
		zones = append(zones, s.ofZone(name))
	}
	return zones
}

// ofZone says an interface, and the zone of which it is a part.
func (s speech) ofZone(name string) string {
	for _, subject := range s.subjects {
		for _, z := range subject.zones {
			if bundle.ByInterface(z.Interfaces, name) {
				return fmt.Sprintf("%s (zone %s)", name, z.Name)
			}
		}
	}
	return name
}

// addresses says addresses: "everyone", "@office", "everyone but @office", or prefixes.
func (s speech) addresses(all exact.Addresses) string {
	if all == nil {
		return everyone
	}
	whole := netset.Of(netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	if s.family == ruleset.V6 {
		whole = netset.Of(netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	}
	these := netset.Of(all...)
	others := whole.Subtract(these)
	known := s.known()
	rest := append(others.V4(), others.V6()...)
	if text := inSets(these, known, true); text != "" {
		return text
	}
	if text := inSets(others, known, false); text != "" {
		return "everyone but " + text
	}
	if len(rest) <= few {
		return "everyone but " + prefixes(rest)
	}
	return prefixes(all)
}

// listed adds the lists that are too long for addresses to say them.
func (s speech) listed(addresses string, r exact.Region) string {
	for _, l := range r.Inside {
		if name := s.list(l); addresses == everyone {
			addresses = name
		} else {
			addresses += " in " + name
		}
	}
	but := " but "
	if strings.Contains(addresses, but) {
		but = " and "
	}
	for _, l := range r.Outside {
		if l.Change == 0 { // what leaves or joins it is said where it matters
			addresses, but = addresses+but+s.list(l), " and "
		}
	}
	return addresses
}

// list names a list, or a part of it.
func (s speech) list(l exact.Listed) string {
	name := l.Set
	for _, subject := range s.subjects {
		if known, own := subject.setName(l.Set); own {
			name = known
		}
	}
	return map[exact.ListChange]string{exact.Leaving: "what leaves ", exact.Joining: "what joins "}[l.Change] + name
}

// few is how many prefixes say more than the name of a kernel set.
const few = 3

// knownSet is a set with a name that a person knows.
type knownSet struct {
	kernel  string
	name    string
	own     bool // the name is the profile's
	members netset.Set
}

// mostSets is how many sets are put together in twos.
const mostSets = 16

// longest is how many prefixes a set may have to be compared with those of a region: of
// more a region does not say them.
const longest = 1 << 14

// known are the sets of the subjects, those that a profile names first. A set of which
// another subject has other members is the old one, if that comes later.
func (s speech) known() (all []knownSet) {
	for i, subject := range s.subjects {
		for kernel, members := range subject.Firewalls[s.family].KnownSets() {
			if members.IsEmpty() || members.Longer(longest) {
				continue
			}
			name, own := subject.setName(kernel)
			k := knownSet{kernel, name, own, members}
			at := slices.IndexFunc(all, func(before knownSet) bool { return before.kernel == kernel })
			switch {
			case i == 0 || at < 0:
				all = append(all, k)
			case !all[at].members.Equal(members):
				all[at].name = "the old " + all[at].name
				all = append(all, k)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b knownSet) int { return cmp.Compare(fmt.Sprint(b.own), fmt.Sprint(a.own)) })
	return all
}

// inSets says addresses as one set, as one without another (but), or as two together; ""
// if they are not, or if prefixes say it better.
func inSets(these netset.Set, known []knownSet, but bool) string {
	prefixes := append(these.V4(), these.V6()...)
	count := len(prefixes)
	for _, k := range known {
		if k.members.Equal(these) && (k.own || count > few) {
			return k.name
		}
	}
	if len(known) > mostSets || count == 0 {
		return ""
	}
	first := prefixes[0].Addr() // most sets do not have it, which is seen at once
	for _, a := range known {
		inA := a.members.Contains(first)
		for _, b := range known {
			inB := b.members.Contains(first)
			switch {
			case (a.kernel == b.kernel || !a.own && !b.own) && count <= few:
			case but && inA && !inB && a.members.Subtract(b.members).Equal(these):
				return a.name + " but " + b.name
			case !but && (inA || inB) && a.members.Union(b.members).Equal(these):
				return a.name + " and " + b.name
			}
		}
	}
	return ""
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
	set, known := s.sets[kernel]
	switch part := set.part; {
	case !known:
		return kernel, false
	case part == "access":
		return "the trusted sources", true
	case strings.HasPrefix(part, "access."), strings.HasPrefix(part, "zones."):
		return part, true
	}
	name = set.long
	if name == "" {
		name = strings.TrimPrefix(kernel, ruleset.SetPrefix)
		name = strings.TrimSuffix(strings.TrimSuffix(name, "-v4"), "-v6")
	}
	if service, ofService := strings.CutPrefix(set.part, "services."); ofService && (name == "f-"+service || strings.HasPrefix(name, "f-"+service+".")) {
		return set.part + ".from", true
	}
	return "@" + name, true
}

// loud is a verdict with its kind in capitals: "REJECT with tcp-reset".
func loud(verdict string) string {
	kind, rest, more := strings.Cut(verdict, " ")
	if !more {
		return strings.ToUpper(kind)
	}
	return strings.ToUpper(kind) + " " + rest
}
