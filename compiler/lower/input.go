package lower

import (
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// input is the way of a packet to this host, cheapest and commonest first.
func (f *filter) input() []ruleset.Rule {
	return slices.Concat(
		f.openTCP(),
		f.loopback(),
		f.trust(ruleset.Accept),
		f.completed(),
		f.echo(),
		f.udpPackets(),
		f.openOthers(),
		f.untrackedErrors(),
		f.neighbours(),
		f.dhcp(),
		f.trusted(),
		f.blocked(),
		f.jailed(profile.Everything),
		f.unlistedCookies(),
		f.stealth(),
		f.invalid(),
		f.banned(profile.Everything),
		f.services(toStated),
		f.fingerprint(),
		f.services(toAnyone),
		f.banned(profile.Hidden),
		f.jailed(profile.Hidden),
		f.found(),
		f.otherICMP(),
		f.unserved(),
	)
}

// disabled reports whether the profile turns this family off: nothing is let in then.
func (f *filter) disabled() bool {
	return f.family == ruleset.V6 && !f.profile.Policy.IPv6
}

func (f *filter) policy() part { return f.part("policy", f.profile.Policy.Position) }

var open = ruleset.ConnState{States: ruleset.StateRelated | ruleset.StateEstablished}

// later are the TCP segments that follow a first one. A SYN is never part of an open
// connection: conntrack takes one for that if it comes from the port of a connection
// which a RST of this host has just ended (tcp_packet in the kernel's
// nf_conntrack_proto_tcp.c), and it would pass every limit and ban.
var later = ruleset.TCPFlags{Mask: handshake, Set: ruleset.SYN, Not: true}

// openTCP is first: it is all that a packet of an open stream meets. Where
// the end of a connection proves its source, segments that may end one go on.
func (f *filter) openTCP() []ruleset.Rule {
	tcp := later
	if f.proves() {
		tcp = ruleset.TCPFlags{Mask: handshake, Set: ruleset.ACK}
	}
	return []ruleset.Rule{f.policy().rule("open connections", ruleset.Accept, tcp, open)}
}

func (f *filter) loopback() []ruleset.Rule {
	return []ruleset.Rule{f.policy().rule("loopback", ruleset.Accept, ruleset.Interface{Name: "lo"})}
}

// openOthers accepts the open flows of other protocols, and the ICMP errors
// that belong to any connection. Where openTCP decides about all of TCP, no
// first packet of a TCP connection is looked at twice.
func (f *filter) openOthers() []ruleset.Rule {
	rules := []ruleset.Rule{f.policy().rule("open connections", ruleset.Accept, notTCP, open)}
	if f.proves() {
		rules = append(rules, f.policy().rule("open connections", ruleset.Accept, later, open))
	}
	return rules
}

var notTCP = ruleset.Proto{Protocol: ruleset.TCP, Not: true}

// dhcp lets in the answers of DHCP servers. A renewed lease comes back by a
// known flow, but an answer to a broadcast does not: without this rule a host
// whose server moved loses its address, and its owner with it. DHCPv6 servers
// and relays answer from a link-local address (RFC 8415, section 16).
//
// Only a port that a client listens on is open: for another the kernel would
// answer "port unreachable", and a host that answers is one that is there.
func (f *filter) dhcp() []ruleset.Rule {
	if !f.profile.Policy.DHCP {
		return nil
	}
	if f.family == ruleset.V4 {
		return []ruleset.Rule{f.policy().rule("dhcp", ruleset.Accept, dhcpPorts(67, 68), ruleset.Socket{Wildcard: true})}
	}
	link := ruleset.Source{Prefix: linkLocal}
	return []ruleset.Rule{f.policy().rule("dhcp", ruleset.Accept, link, dhcpPorts(547, 546), ruleset.Socket{Wildcard: true})}
}

func dhcpPorts(server, client uint16) ruleset.Ports {
	return ruleset.Ports{
		Protocol:    ruleset.UDP,
		Source:      []ruleset.PortRange{{First: server, Last: server}},
		Destination: []ruleset.PortRange{{First: client, Last: client}},
	}
}

var linkLocal = netip.MustParsePrefix("fe80::/10")

// invalid drops what conntrack cannot place: a RST or FIN of no connection, an
// ACK outside every window. Every datagram of UDP-Lite is invalid to conntrack, which
// takes the protocol number of UDP into the checksum (udplite_error in the kernel's
// nf_conntrack_proto_udp.c, seen with Linux 6.18): where a service states it, its rule
// decides.
func (f *filter) invalid() []ruleset.Rule {
	matches := []ruleset.Match{ruleset.ConnState{States: ruleset.StateInvalid}}
	if f.servesUDPLite() {
		matches = append([]ruleset.Match{ruleset.Proto{Protocol: "udplite", Not: true}}, matches...)
	}
	return []ruleset.Rule{f.policy().rule("invalid", ruleset.Drop, matches...)}
}

func (f *filter) servesUDPLite() bool {
	return slices.ContainsFunc(f.profile.Services, func(s profile.Service) bool { return len(portsOf(s.Ports, profile.UDPLite)) > 0 })
}

// shared returns the jump to a chain that several places use, building it for
// the first.
func (f *filter) shared(name string, build func() []ruleset.Rule) ruleset.Jump {
	full := chainName(name)
	if slices.ContainsFunc(f.chains, func(c ruleset.Chain) bool { return c.Name == full }) {
		return ruleset.Jump{Chain: full}
	}
	return f.chain(name, build())
}
