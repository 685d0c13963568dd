package lower

import (
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// fallbackTables are the least that this host may boot with: what it gets if the
// rules of the profile cannot be loaded, because a set is missing or a file
// is broken. They name no set, and no module that a kernel with
// iptables may lack, so that whatever broke the rules does not break these.
//
// The administrators of the host reach it, and what the profile trusts of zones; no other
// source does. Forwarding is closed as far as the profile filters it.
func (l *lowering) fallbackTables() []ruleset.Table {
	var tables []ruleset.Table
	for _, family := range ruleset.Families {
		f := &filter{lowering: l, family: family}
		tables = append(tables, f.fallbackFilter())
		if l.profile.Policy.Forward == profile.Published {
			tables = append(tables, l.fallbackPublished(family))
		}
	}
	return tables
}

func (f *filter) fallbackFilter() ruleset.Table {
	input := slices.Concat(f.openAtAll(), f.loopback(), f.fallbackTrust(), f.neighbours(), f.leaseV6(), f.adminWays(), f.refused())
	forward := f.leftHook("FORWARD")
	if f.profile.Policy.Forward == profile.Drop {
		forward = f.dropHook("FORWARD", f.forward())
	}
	return f.tableOf("filter", f.dropHook("INPUT", input), forward, f.leftHook("OUTPUT"))
}

// fallbackPublished closes all published ports.
func (l *lowering) fallbackPublished(family ruleset.Family) ruleset.Table {
	f := &filter{lowering: l, family: family, published: true}
	jump := ruleset.Rule{
		Target: f.chain("FORWARD", slices.Concat(f.openAtAll(), f.fromInside(), f.refused())),
		Origin: f.origin("policy.forward", l.profile.Policy.Position),
	}
	return f.tableOf("mangle", f.leftHook("PREROUTING"), f.leftHook("INPUT"), f.leftHook("FORWARD", jump),
		f.leftHook("OUTPUT"), f.leftHook("POSTROUTING"))
}

// openAtAll lets by whatever belongs to an open connection.
func (f *filter) openAtAll() []ruleset.Rule {
	return []ruleset.Rule{f.policy().rule("open connections", f.accept(), open)}
}

func (f *filter) refused() []ruleset.Rule {
	return []ruleset.Rule{f.policy().rule("refused", ruleset.Drop)}
}

// leaseV6 is dhcp for IPv6, without a look for the client's socket. A client
// of DHCPv4 hears the first answer past the firewall.
func (f *filter) leaseV6() []ruleset.Rule {
	if !f.profile.Policy.DHCP || f.family != ruleset.V6 {
		return nil
	}
	return []ruleset.Rule{f.policy().rule("dhcp", ruleset.Accept, ruleset.Source{Prefix: linkLocal}, dhcpPorts(547, 546))}
}

// adminWays lets admin addresses reach admin services. Where the profile names
// no such address, these services are open to the sources that they state, without a knock,
// which would need sets: a lockout of the owner would not be safe.
func (f *filter) adminWays() []ruleset.Rule {
	var rules []ruleset.Rule
	admin := prefixesOf(f.profile.Addresses(f.profile.Access.Admin), f.family)
	for _, s := range f.profile.Services {
		switch {
		case !s.Admin || f.disabled():
		case len(f.profile.Access.Admin) > 0:
			rules = append(rules, f.closedWays(s, s.Zones, admin)...)
		case s.AnySource():
			rules = append(rules, f.serviceRules(s, ruleset.Accept, f.ways(s))...)
		default:
			for _, from := range f.profile.Sources(s) {
				rules = append(rules, f.closedWays(s, from.Zones, prefixesOf(f.profile.Addresses(from.Refs), f.family))...)
			}
		}
	}
	return rules
}

// closedWays lets each of the sources reach a service from some zones. Sources are told by
// their prefixes, of which there may be many: that is not a problem on a host that waits
// for its administrator.
func (f *filter) closedWays(s profile.Service, zones []profile.Named, sources []netip.Prefix) []ruleset.Rule {
	s.Zones = zones
	var rules []ruleset.Rule
	for _, source := range sources {
		for _, way := range f.inZones(s, [][]ruleset.Match{{ruleset.Source{Prefix: source}}}) {
			for _, protocol := range []profile.Protocol{profile.TCP, profile.UDP} {
				for _, ports := range f.ports(s, protocol) {
					rules = append(rules, f.service(s).rule("", ruleset.Accept, slices.Concat(way, []ruleset.Match{ports})...))
				}
			}
		}
	}
	return rules
}
