package profile

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// Group is an address to which many hosts listen: one of multicast, or with Broadcast all
// broadcast addresses of the host's networks.
type Group struct {
	Position  diag.Position
	Address   netip.Addr
	Broadcast bool
}

// broadcast is the word for broadcast addresses.
const broadcast = "broadcast"

// groupNames are the groups of protocols that use some, by the registries of IANA.
var groupNames = map[string][]string{
	"dhcp":         {broadcast, "ff02::1:2", "ff05::1:3"},
	"hsrp":         {"224.0.0.2", "224.0.0.102", "ff02::66"},
	"llmnr":        {"224.0.0.252", "ff02::1:3"},
	"mdns":         {"224.0.0.251", "ff02::fb"},
	"netbios":      {broadcast},
	"ospf":         {"224.0.0.5", "224.0.0.6", "ff02::5", "ff02::6"},
	"ptp":          {"224.0.1.129", "224.0.0.107", "ff02::181", "ff02::6b", "ff05::181"},
	"rip":          {"224.0.0.9", "ff02::9"},
	"ssdp":         {"239.255.255.250", "ff02::c", "ff05::c"},
	"vrrp":         {"224.0.0.18", "ff02::12"},
	"ws-discovery": {"239.255.255.250", "ff02::c", "ff05::c"},
}

func (d *decoder) groups(to *[]Group) reader {
	form := "a list of multicast addresses, broadcast, and names: " + strings.Join(slices.Sorted(maps.Keys(groupNames)), ", ")
	return reader{form, nil, func(n *node) {
		elements := texts(n, `a list of groups such as ["mdns"] or ["224.0.0.251", "ff02::fb"]`, d.list)
		if len(elements) == 0 && !n.partial && n.kind == kindArray && len(n.children) == 0 {
			d.add(&flaw{
				Code: "empty-list", Message: "is empty, so that it says nothing",
				Suggestion: `leave it out for packets to any address of this host`,
			}, n.value, n.path)
		}
		for _, element := range elements {
			groups, flaw := parseGroups(element.scalar.(string))
			if flaw != nil {
				d.add(flaw, element.value, element.path)
			}
			for _, g := range groups {
				g.Position = element.value
				*to = append(*to, g)
			}
		}
	}}
}

// parseGroups reads a multicast address, "broadcast", or the name of a protocol.
func parseGroups(text string) ([]Group, *flaw) {
	if text == broadcast {
		return []Group{{Broadcast: true}}, nil
	}
	if addresses, known := groupNames[text]; known {
		var groups []Group
		for _, a := range addresses {
			more, _ := parseGroups(a)
			groups = append(groups, more...)
		}
		return groups, nil
	}
	flaw := &flaw{Code: "bad-group", Message: quote(text) + " is not a multicast address", Suggestion: didYouMean(text, slices.Sorted(maps.Keys(groupNames)))}
	address, err := netip.ParseAddr(text)
	switch {
	case err == nil && address.IsMulticast() && address.Zone() == "" && !address.Is4In6():
		return []Group{{Address: address}}, nil
	case err == nil && strings.HasSuffix(text, ".255"):
		flaw.Suggestion = `write "broadcast" for the broadcast addresses of this host's networks`
	case flaw.Suggestion == "":
		flaw.Suggestion = `write an address of 224.0.0.0/4 or ff00::/8, "broadcast", or a name such as "mdns"`
	}
	return nil, flaw
}
