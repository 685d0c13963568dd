package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// While conntrack's table is full the kernel drops what begins, an admin's SYN too
// (nf_conntrack_alloc in the kernel's nf_conntrack_core.c). Where a profile asks for
// it, conntrack never sees the TCP segments between admin sources and the TCP ports of
// the admin services of this host: raw hides both directions. INPUT needs no rule for
// them, since the way of trusted sources asks conntrack for nothing. What comes from
// any other source, to any other port, by an interface that is not of the service's zones,
// and by UDP, is tracked as ever.
//
// A service behind SYNPROXY is left out: the proxy has to see its handshake. So is
// what this host sends on (LOCAL). A DNAT of an admin port sends nothing on any more
// that comes from an admin source, since NAT works on what conntrack sees.

// leavesUntracked reports whether a service's TCP is hidden from conntrack.
func leavesUntracked(s profile.Service) bool {
	return s.Admin && !s.SynProxy && len(portsOf(s.Ports, profile.TCP)) > 0
}

// untracks reports whether admin sources are hidden from conntrack.
func (f *filter) untracks() bool {
	return f.profile.Access.AdminUntracked && f.has("admin") && !f.disabled() &&
		slices.ContainsFunc(f.profile.Services, leavesUntracked)
}

func (f *filter) untrackedPart() part {
	return f.part("access.admin_untracked", f.profile.Access.Position)
}

// untrackedAdmin returns table raw. Each TCP packet pays one look at its port for
// each fifteen ports, in each direction.
func (l *lowering) untrackedAdmin(family ruleset.Family) ruleset.Table {
	f := &filter{lowering: l, family: family}
	p, local := f.untrackedPart(), ruleset.AddressType{Destination: []string{"LOCAL"}}
	answered := ruleset.InSet{Set: f.setName("admin"), Direction: ruleset.ToDestination}
	from := f.chain("FROM-ADMIN", []ruleset.Rule{p.rule("", ruleset.NoTrack{}, f.inSet("admin"), local)})
	to := f.chain("TO-ADMIN", []ruleset.Rule{p.rule("", ruleset.NoTrack{}, answered)})
	var in, out []ruleset.Rule
	for _, s := range l.profile.Services {
		if !leavesUntracked(s) {
			continue
		}
		for _, chunk := range chunks(portsOf(s.Ports, profile.TCP)) {
			asked, answer := ruleset.Ports{Protocol: ruleset.TCP, Destination: chunk}, ruleset.Ports{Protocol: ruleset.TCP, Source: chunk}
			for _, way := range f.fromZones(s, asked) {
				in = append(in, p.rule("", from, way...))
			}
			for _, way := range f.toZones(s, answer) {
				out = append(out, p.rule("", to, way...))
			}
		}
	}
	return f.tableOf("raw", f.leftHook("PREROUTING", in...), f.leftHook("OUTPUT", out...))
}

// untrackedErrors accepts what tells the size of packets that the path of an untracked
// connection takes: to conntrack it is about no connection. A socket of this host must
// have that connection.
func (f *filter) untrackedErrors() []ruleset.Rule {
	if !f.untracks() {
		return nil
	}
	tooBig := ruleset.ICMPType{Family: ruleset.V4, Type: 3, Code: 4, HasCode: true}
	if f.family == ruleset.V6 {
		tooBig = icmpv6(packetTooBig)
	}
	return []ruleset.Rule{f.untrackedPart().rule("path mtu", ruleset.Accept, tooBig, ruleset.Socket{})}
}
