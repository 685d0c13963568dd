package starter

import (
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// grant is what some rules let in: a port or a protocol, by an interface or by all, from
// sources of each family.
type grant struct {
	protocol   uint64
	ports      exact.Range // of protocols with ports
	hasPorts   bool
	interfaces []string // none: by all
	groups     []string // groups of multicast, and broadcast: only what is sent there
	sources    netset.Set
	families   map[ruleset.Family]bool // those whose rules say it
	rules      []string                // "rules.v4:12: -A INPUT …"
}

// same reports whether two grants are of the same packets but for sources.
func (g *grant) same(h *grant) bool {
	return g.protocol == h.protocol && g.ports == h.ports && g.hasPorts == h.hasPorts && slices.Equal(g.interfaces, h.interfaces) &&
		slices.Equal(g.groups, h.groups)
}

// most is how many ports of a protocol a region may have that is not read as all of them.
const most = 1 << 15

// all are the addresses of a family.
func all(f ruleset.Family) netset.Set {
	if f == ruleset.V6 {
		return netset.Of(netip.MustParsePrefix("::/0"))
	}
	return netset.Of(netip.MustParsePrefix("0.0.0.0/0"))
}

// grant notes what a dump lets in; why says that it cannot be said, and is empty if it can.
func (m *maker) grant(d Dump, o exact.Open) (why string) {
	r := o.Region
	switch {
	case slices.Equal(r.Interfaces, []string{"lo"}) && !r.Other:
		return "" // a profile accepts what the host sends to itself
	case o.Depends.Kind != "":
		return "it depends on " + o.Depends.With + ", which cannot be known here"
	case !o.Usual:
		return "accepted only if " + conditions(o.Conditions)
	case r.Inside != nil || r.Outside != nil:
		return "its list of sources is too long to be written here: state it as a set with files"
	case r.Destinations != nil && groups(r.Destinations) == nil:
		return "only to some addresses of the host; a service is for all of them"
	case r.Types != nil:
		return "" // the profile that is included answers pings, and takes what IPv6 needs
	case isLease(r):
		return "answers of a DHCP server: [policy] dhcp accepts those that this host asked for"
	case o.By.Number == 0:
		return "the policy lets in what no rule refuses; a profile opens only what it states"
	}
	sources := all(d.Family)
	if r.Sources != nil {
		sources = netset.Of(r.Sources...)
	}
	return m.add(d, o, sources)
}

// add notes the ports of a region.
func (m *maker) add(d Dump, o exact.Open, sources netset.Set) (why string) {
	r := o.Region
	g := grant{protocol: r.Protocols[0].First, sources: sources, groups: groups(r.Destinations), families: map[ruleset.Family]bool{d.Family: true}}
	if !m.byAny(d, r) {
		if g.interfaces = without(r.Interfaces, "lo"); r.Other || len(g.interfaces) == 0 {
			return "not by each interface: state the interfaces as a zone"
		}
	}
	g.rules = []string{m.lines[place{d.Family, o.By}].String()}
	if everyPort(r) {
		if g.interfaces == nil {
			m.wide = append(m.wide, wide{r, sources})
			return "every port, from some sources: state the services that they use"
		}
		m.everyPortBy(d, o, g.interfaces, sources)
		return ""
	}
	if m.opensEveryPort(d, o.By) {
		return "" // a part of what is named
	}
	if r.Ports == nil {
		m.join(g)
	}
	for _, g.ports = range r.Ports {
		g.hasPorts = true
		m.join(g)
	}
	return ""
}

// isLease reports whether a region is of what DHCP servers send.
func isLease(r exact.Region) bool {
	client := slices.Equal(r.Ports, []exact.Range{{First: 68, Last: 68}}) || slices.Equal(r.Ports, []exact.Range{{First: 546, Last: 546}})
	return client && exact.ProtocolName(r.Protocols[0].First) == "udp"
}

// everyPort reports whether a region is of most ports, or of protocols that no rule names.
func everyPort(r exact.Region) bool {
	return size(r.Protocols) > 1 || r.Ports != nil && size(r.Ports) > most
}

// isZone reports whether a region is of every port by interfaces that are named.
func isZone(r exact.Region) bool { return everyPort(r) && !r.Any && !r.Other }

// byAny reports whether the packets of a region come by any interface: those that are not
// among its own reach every port already.
func (m *maker) byAny(d Dump, r exact.Region) bool {
	if r.Any || !r.Other {
		return r.Any
	}
	for _, name := range d.Firewall.Interfaces() {
		if name != "lo" && !slices.Contains(r.Interfaces, name) && !m.opensBy(name) {
			return false
		}
	}
	return true
}

// wide is a region of most ports from some sources, which is not stated.
type wide struct {
	exact.Region
	sources netset.Set
}

// widen adds to ports that are stated the sources that reach most ports.
func (m *maker) widen() {
	for _, w := range m.wide {
		for _, g := range m.grants {
			first, last, protocol := uint16(g.ports.First), uint16(g.ports.Last), exact.ProtocolName(g.protocol)
			if g.hasPorts && g.groups == nil && w.Has(protocol, first, first) && w.Has(protocol, last, last) {
				g.sources = g.sources.Union(w.sources)
			}
		}
	}
}

// groups are destinations that are groups of multicast, or broadcast; nil if others are
// among them.
func groups(destinations exact.Addresses) (names []string) {
	for _, d := range destinations {
		if a := d.Addr(); !d.IsSingleIP() || !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			return nil
		}
		names = append(names, d.Addr().String())
	}
	return names
}

// join adds a grant to one of the same packets, or as a new one.
func (m *maker) join(g grant) {
	for _, known := range m.grants {
		if !known.same(&g) {
			continue
		}
		known.sources = known.sources.Union(g.sources)
		for f := range g.families {
			known.families[f] = true
		}
		for _, rule := range g.rules {
			if !slices.Contains(known.rules, rule) {
				known.rules = append(known.rules, rule)
			}
		}
		return
	}
	g.families = map[ruleset.Family]bool{ruleset.V4: g.families[ruleset.V4], ruleset.V6: g.families[ruleset.V6]}
	g.rules = slices.Clone(g.rules)
	m.grants = append(m.grants, &g)
}

// size is how many numbers are in ranges.
func size(ranges []exact.Range) (n uint64) {
	for _, r := range ranges {
		n += r.Last - r.First + 1
	}
	return n
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

func conditions(all []exact.Condition) (text string) {
	for i, c := range all {
		if i > 0 {
			text += ", and "
		}
		text += c.String()
	}
	return text
}
