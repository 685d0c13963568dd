package exact

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bdd"
)

// Protocols by their numbers (IANA's "Assigned Internet Protocol Numbers").
const (
	icmpProtocol   = 1
	tcpProtocol    = 6
	udpProtocol    = 17
	icmpv6Protocol = 58
)

// protocols are the names that iptables prints (/etc/protocols of Debian 12), and others
// that it reads.
var protocols = map[string]uint64{
	"icmp": icmpProtocol, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "tcp": tcpProtocol, "egp": 8, "igp": 9, "pup": 12,
	"udp": udpProtocol, "hmp": 20, "xns-idp": 22, "rdp": 27, "iso-tp4": 29, "dccp": 33, "xtp": 36, "ddp": 37, "idpr-cmtp": 38, "ipv6": 41,
	"ipv6-route": 43, "ipv6-frag": 44, "idrp": 45, "rsvp": 46, "gre": 47, "esp": 50, "ipsec-esp": 50, "ah": 51, "ipsec-ah": 51, "skip": 57,
	"icmpv6": icmpv6Protocol, "ipv6-icmp": icmpv6Protocol, "ipv6-nonxt": 59, "ipv6-opts": 60, "rspf": 73, "vmtp": 81, "eigrp": 88, "ospf": 89,
	"ax.25": 93, "ipip": 94, "etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": 132, "fc": 133, "mh": 135,
	"mobility-header": 135, "udplite": 136, "mpls-in-ip": 137, "manet": 138, "hip": 139, "shim6": 140, "wesp": 141, "rohc": 142, "ethernet": 143,
}

func protocol(text string) (question, bool) {
	if text == "all" {
		return allPass, true
	}
	value, ok := protocols[text]
	if !ok {
		value, ok = number(text, 8)
	}
	if value == 0 {
		return allPass, ok
	}
	return fieldIs(Protocol, value), ok
}

// flagNames are TCP's flags, the lowest bit of Flags first.
var flagNames = []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG"}

// flags reads the two lists of --tcp-flags.
func flags(mask, set string) (question, bool) {
	looked, ok := flagSet(mask)
	on, ok2 := flagSet(set)
	return func(w *walk) bdd.Node { return w.masked(w.seen(Flags), on&looked, looked) }, ok && ok2 && on&^looked == 0
}

func flagSet(text string) (set uint64, ok bool) {
	for name := range strings.SplitSeq(strings.ToUpper(text), ",") {
		switch at := slices.Index(flagNames, name); {
		case name == "ALL":
			set = 1<<len(flagNames) - 1
		case name == "NONE":
		case at < 0:
			return 0, false
		default:
			set |= 1 << at
		}
	}
	return set, true
}

// icmpNames are the names of types that older versions of iptables print, and people
// write.
var icmpNames = map[int]map[string]uint64{
	4: {"echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8, "router-advertisement": 9,
		"router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12, "timestamp-request": 13, "timestamp-reply": 14},
	6: {"destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo-request": 128, "echo-reply": 129,
		"router-solicitation": 133, "router-advertisement": 134, "neighbour-solicitation": 135, "neighbour-advertisement": 136, "redirect": 137},
}

// icmp reads a type, or a type and a code: "3", "3/4", "echo-request", "any".
func icmp(family int) func(string) (question, bool) {
	return func(text string) (question, bool) {
		kind, code, hasCode := strings.Cut(text, "/")
		value, ok := icmpNames[family][kind]
		if !ok {
			value, ok = number(kind, 8)
		}
		if text == "any" || family == 4 && text == "255" {
			return allPass, true
		}
		if !hasCode {
			return fieldIs(ICMPType, value), ok
		}
		number, ok2 := number(code, 8)
		return every([]question{fieldIs(ICMPType, value), fieldIs(ICMPCode, number)}), ok && ok2
	}
}

// addressType reads "BROADCAST,MULTICAST". What routing says of an address is a fact
// where it is not fixed by the address (inet_addr_type in the kernel's fib_frontend.c
// looks for those first). Of IPv6, xt_addrtype asks for all that are named, so only
// one alone is known here.
func addressType(f Field) func(string) (question, bool) {
	return func(text string) (question, bool) {
		var any []question
		for kind := range strings.SplitSeq(text, ",") {
			if !slices.Contains([]string{"LOCAL", "BROADCAST", "MULTICAST"}, kind) {
				return nil, false
			}
			any = append(any, func(w *walk) bdd.Node { return w.addressIs(f, kind) })
		}
		return func(w *walk) bdd.Node {
			if w.Family == 6 && len(any) > 1 {
				return w.fact(Fact{Kind: Asked, Text: typeOption(f) + text})
			}
			return either(any)(w)
		}, true
	}
}

func typeOption(f Field) string {
	if f == Source {
		return "-m addrtype --src-type "
	}
	return "-m addrtype --dst-type "
}

var (
	multicast4 = netip.MustParsePrefix("224.0.0.0/4")
	multicast6 = netip.MustParsePrefix("ff00::/8")
	// alwaysBroadcast are for all, whatever the routes say.
	alwaysBroadcast = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("255.255.255.255/32")}
)

func (w *walk) addressIs(f Field, kind string) bdd.Node {
	n := w.addressAsSentIs(f, kind)
	if f != Destination {
		return n
	}
	if kind == "LOCAL" {
		return w.g.Or(w.redirected, n)
	}
	return w.g.Without(n, w.redirected)
}

// addressAsSentIs is addressIs for a packet that was not redirected.
func (w *walk) addressAsSentIs(f Field, kind string) bdd.Node {
	multicast := w.g.Or(w.addressWithin(f, multicast4), w.addressWithin(f, multicast6))
	toAll := bdd.False
	for _, p := range alwaysBroadcast {
		toAll = w.g.Or(toAll, w.addressWithin(f, p))
	}
	broadcast := bdd.False
	if w.Family == 4 {
		broadcast = w.g.Or(toAll, w.g.Without(w.about(f, Fact{Kind: Asked, Text: typeOption(f) + "BROADCAST"}, "a broadcast address"), multicast))
	}
	switch kind {
	case "MULTICAST":
		return multicast
	case "BROADCAST":
		return broadcast
	}
	return w.g.Without(w.about(f, Fact{Kind: Asked, Text: typeOption(f) + "LOCAL"}, "an address of this host"), w.g.Or(multicast, broadcast))
}
