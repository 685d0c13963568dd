package profile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// IPProtocol is one element of a list of protocols: the name of a protocol, or its
// number in the IP header.
type IPProtocol struct {
	Position diag.Position
	Number   uint8
}

// The numbers of protocols that rules treat in a way of their own.
const (
	ProtocolIGMP uint8 = 2
	ProtocolAH   uint8 = 51
)

// ipProtocols are the names that profiles may use, by the registry of IANA.
var ipProtocols = map[string]uint8{
	"igmp": ProtocolIGMP, "ipip": 4, "egp": 8, "rdp": 27, "dccp": 33, "ipv6": 41, "rsvp": 46, "gre": 47, "esp": 50, "ah": ProtocolAH,
	"eigrp": 88, "ospf": 89, "etherip": 97, "pim": 103, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": 132, "udplite": 136,
}

// elsewhere are protocols that a profile opens in another way, by name and number.
var elsewhere = map[string]string{
	"tcp": `write ports = ["tcp/443"]`, "6": `write ports = ["tcp/443"]`,
	"udp": `write ports = ["udp/53"]`, "17": `write ports = ["udp/53"]`,
	"icmp": "[icmp] says who may ping", "1": "[icmp] says who may ping",
	"icmpv6": "[icmp] says who may ping", "58": "[icmp] says who may ping",
	"carp": `write "vrrp", which has the same number`,
	"6in4": `write "ipv6"`, "ip6": `write "ipv6"`, "ipencap": `write "ipip"`, "4in4": `write "ipip"`,
	"ipsec": `write "esp", and ports = ["udp/500", "udp/4500"]`,
}

// String writes a protocol as profiles do.
func (p IPProtocol) String() string {
	for name, number := range ipProtocols {
		if number == p.Number {
			return name
		}
	}
	return fmt.Sprint(p.Number)
}

func (d *decoder) protocols(to *[]IPProtocol) reader {
	const example = `a list of protocols such as ["vrrp"] or [112]`
	return reader{"a list of protocols: " + strings.Join(protocolNames(), ", ") + ", or numbers", nil, func(n *node) {
		if isEdit(n) {
			start(n, d.list)
		}
		if !d.want(n, kindArray, example) {
			return
		}
		seen := map[uint8]bool{}
		for _, element := range n.children {
			text := fmt.Sprint(element.scalar)
			if element.kind != kindString && element.kind != kindInteger {
				d.want(element, kindString, "the name or the number of a protocol")
				continue
			}
			p, flaw := parseProtocol(text)
			if flaw != nil {
				d.add(flaw, element.value, element.path)
				continue
			}
			if seen[p.Number] {
				d.warn("duplicate", element, "%s is listed twice", p)
				continue
			}
			seen[p.Number] = true
			p.Position = element.value
			*to = append(*to, p)
		}
	}}
}

// extensionHeaders are protocol numbers of IPv6 extension headers, which are no
// protocols of their own: no packet would ever be of them.
var extensionHeaders = []uint64{0, 43, 44, 59, 60, 135, 139, 140}

func parseProtocol(text string) (IPProtocol, *flaw) {
	name := strings.ToLower(text)
	if number, known := ipProtocols[name]; known && name == text {
		return IPProtocol{Number: number}, nil
	}
	flaw := &flaw{Code: "bad-protocol", Message: quote(text) + " is not a protocol that a service can have", Suggestion: elsewhere[name]}
	number, ok := parseNumber(text, 0, 255)
	switch {
	case flaw.Suggestion != "":
	case ok && slices.Contains(extensionHeaders, number):
		flaw.Suggestion = "it is an extension header of IPv6, not a protocol"
	case ok:
		return IPProtocol{Number: uint8(number)}, nil
	default:
		if flaw.Suggestion = didYouMean(name, protocolNames()); flaw.Suggestion == "" {
			flaw.Suggestion = "write one of " + strings.Join(protocolNames(), ", ") + ", or a number from 1 to 255"
		}
	}
	return IPProtocol{}, flaw
}

func protocolNames() []string { return slices.Sorted(maps.Keys(ipProtocols)) }
