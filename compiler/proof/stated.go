package proof

import (
	"fmt"
	"net/netip"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// closed reports whether the profile opens nothing in this family.
func (r *rules) closed() bool { return r.Family == ruleset.V6 && !r.profile.Policy.IPv6 }

// unsolicited are the packets from other hosts that belong to no open connection.
func (r *rules) unsolicited() bdd.Node {
	own := r.g.Or(r.InState("ESTABLISHED", "RELATED"), r.By(exact.In, "lo"))
	return r.g.And(r.Without(r.Possible(), own), r.Is(exact.Fragment, 0))
}

// Without is the difference of two sets of packets.
func (r *rules) Without(a, b bdd.Node) bdd.Node { return r.g.Without(a, b) }

// stated are the packets to this host that the profile lets in, in some state.
func (r *rules) stated() bdd.Node {
	return r.g.Or(r.served(r.ports), r.protocols(), r.echo(), r.network(), r.ofTrust())
}

// served are the packets to services, from the sources that these state. ports tells the
// packets of one port.
func (r *rules) served(port func(profile.Port) bdd.Node) bdd.Node {
	all := bdd.False
	if r.closed() {
		return all
	}
	for _, s := range r.profile.Services {
		what := bdd.False
		for _, p := range s.Ports {
			what = r.g.Or(what, port(p))
		}
		all = r.g.Or(all, r.g.And(what, r.clients(s), r.groups(s), r.zones(s)))
	}
	return all
}

// zones are the packets that come in by the interfaces of the zones of a service, or by any.
func (r *rules) zones(s profile.Service) bdd.Node { return r.byZones(s.Zones) }

func (r *rules) byZones(zones []profile.Named) bdd.Node {
	if len(zones) == 0 {
		return bdd.True
	}
	all := bdd.False
	for _, i := range r.profile.Interfaces(zones) {
		all = r.g.Or(all, r.By(exact.In, i.Name))
	}
	return all
}

// protocols are the packets of protocols that services state as a whole.
func (r *rules) protocols() bdd.Node {
	all := bdd.False
	if r.closed() {
		return all
	}
	for _, s := range r.profile.Services {
		for _, p := range s.Protocols {
			all = r.g.Or(all, r.g.And(r.Is(exact.Protocol, uint64(p.Number)), r.clients(s), r.groups(s), r.zones(s)))
		}
	}
	return all
}

// groups are the packets to the groups of a service, or to any address.
func (r *rules) groups(s profile.Service) bdd.Node {
	if len(s.Groups) == 0 {
		return bdd.True
	}
	var addresses []netip.Prefix
	all := bdd.False
	for _, g := range s.Groups {
		if g.Broadcast {
			all = r.ToBroadcast()
			continue
		}
		addresses = append(addresses, netip.PrefixFrom(g.Address, g.Address.BitLen()))
	}
	return r.g.Or(all, r.Among(exact.Destination, netset.Of(addresses...)))
}

// ports are the packets to a port.
func (r *rules) ports(p profile.Port) bdd.Node {
	return r.g.And(r.Protocol(string(p.Protocol)), r.Between(exact.DestinationPort, uint64(p.First), uint64(p.Last)))
}

// ask are the packets to a port of a service, from its zones.
func (r *rules) ask(s profile.Service, p profile.Port) bdd.Node {
	return r.g.And(r.ports(p), r.groups(s), r.zones(s))
}

// published are the packets that NAT sends on, and that were sent to a port of this host.
func (r *rules) published(p profile.Port) bdd.Node {
	return r.g.And(r.Protocol(string(p.Protocol)), r.Is(exact.DestinationNAT, 1), r.askedFor(p))
}

// askedFor is the fact that a connection was opened to a port of this host, whatever NAT has
// made of it.
func (r *rules) askedFor(p profile.Port) bdd.Node {
	match := fmt.Sprintf("-m conntrack --ctorigdstport %d", p.First)
	if p.Last > p.First {
		match += fmt.Sprintf(":%d", p.Last)
	}
	return r.Asked(match)
}

// outside are the packets that do not come from the inside of this host.
func (r *rules) outside(packets bdd.Node) bdd.Node {
	packets = r.Without(packets, r.By(exact.In, "lo"))
	for _, inside := range r.profile.Policy.Inside {
		packets = r.Without(packets, r.By(exact.In, inside.Name))
	}
	return packets
}

// clients are the packets of the sources that a service is for.
func (r *rules) clients(s profile.Service) bdd.Node {
	if s.AnySource() {
		return bdd.True
	}
	who := bdd.False
	for _, from := range r.profile.Sources(s) {
		some := r.from(from.Refs)
		if from.Of != "" {
			some = r.g.And(some, r.byZones(from.Zones))
		}
		who = r.g.Or(who, some)
	}
	if s.Knock.Name != "" {
		who = r.g.Or(who, r.inSet("k-"+s.Knock.Name, "src"))
	}
	if s.Admin {
		who = r.g.Or(who, r.admins())
	}
	return who
}

// inSet are the packets that are in a set which packets fill: whose door is open, or that
// answer a search.
func (r *rules) inSet(name, direction string) bdd.Node {
	full := fmt.Sprintf("%s%s-v%d", ruleset.SetPrefix, ruleset.InKernel(name), r.Family)
	return r.Member(r.firewall, exact.Lookup{Name: full, Direction: direction})
}

func (r *rules) admins() bdd.Node  { return r.from(r.profile.Access.Admin) }
func (r *rules) trusted() bdd.Node { return r.g.Or(r.admins(), r.from(r.profile.Access.Exempt)) }

// from are the packets whose source is one of some addresses.
func (r *rules) from(refs []profile.Ref) bdd.Node {
	return r.Among(exact.Source, r.profile.Addresses(refs))
}

// echo are echo requests, where the profile has them answered.
func (r *rules) echo() bdd.Node {
	icmp, request := r.profile.ICMP, r.ICMP(8)
	if r.Family == ruleset.V6 {
		request = r.ICMP(128)
	}
	switch {
	case r.closed():
		return bdd.False
	case icmp.EchoPerSource.Stated():
		return request
	case len(icmp.EchoFrom) > 0:
		return r.g.And(request, r.g.Or(r.from(icmp.EchoFrom), r.trusted()))
	}
	return bdd.False
}

// network are the packets by which a host lives in a network, from any source.
func (r *rules) network() bdd.Node { return r.g.Or(r.neighbours(), r.dhcp(), r.search(), r.pathMTU()) }

var (
	linkLocal = netset.Of(netip.MustParsePrefix("fe80::/10"))
	groups    = netset.Of(netip.MustParsePrefix("224.0.0.0/4"))
)

// neighbours is what IPv6 needs (RFC 4890, section 4.4): neighbour discovery, which comes
// from the link if its hop limit is 255, and multicast listener discovery. IPv4 has IGMP for
// the latter.
func (r *rules) neighbours() bdd.Node {
	if r.Family != ruleset.V6 {
		return r.g.And(r.Protocol("igmp"), r.Among(exact.Destination, groups))
	}
	discovery, listeners := bdd.False, bdd.False
	for _, kind := range []uint64{133, 134, 135, 136} {
		discovery = r.g.Or(discovery, r.ICMP(kind))
	}
	for _, kind := range []uint64{130, 131, 132, 143} {
		listeners = r.g.Or(listeners, r.ICMP(kind))
	}
	return r.g.Or(r.g.And(discovery, r.Is(exact.HopLimit, 255)), r.g.And(listeners, r.Among(exact.Source, linkLocal)))
}

// dhcp are the answers of DHCP servers.
func (r *rules) dhcp() bdd.Node {
	if !r.profile.Policy.DHCP {
		return bdd.False
	}
	server, client, from := uint64(67), uint64(68), bdd.True
	if r.Family == ruleset.V6 {
		server, client, from = 547, 546, r.Among(exact.Source, linkLocal)
	}
	return r.g.And(r.Protocol("udp"), r.Is(exact.SourcePort, server), r.Is(exact.DestinationPort, client), from)
}

// search are answers to a search of this host, at the port from which it searches.
func (r *rules) search() bdd.Node {
	if !r.profile.Policy.Search || r.closed() {
		return bdd.False
	}
	return r.g.And(r.Protocol("udp"), r.Between(exact.DestinationPort, 32768, 65535), r.inSet("asked", "dst,dst"))
}

// pathMTU are errors about the size of packets of connections that conntrack does not see.
func (r *rules) pathMTU() bdd.Node {
	if !r.profile.Access.AdminUntracked || r.closed() {
		return bdd.False
	}
	if r.Family == ruleset.V6 {
		return r.ICMP(2)
	}
	return r.g.And(r.ICMP(3), r.Is(exact.ICMPCode, 4))
}
