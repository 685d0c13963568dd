package guard

import (
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
)

// tunnels are the kinds of interfaces (ip-link(8)) whose packets come to this
// host wrapped in others.
var tunnels = []string{
	"wireguard", "tuntap", "ppp", "xfrm", "vti", "vti6", "gre", "gretap", "ip6gre", "ip6gretap",
	"ipip", "sit", "ip6tnl", "vxlan", "geneve", "l2tp",
}

// tunnelNotes says of callers who come by a tunnel what was not tried. A caller
// is proven from where the tunnel ends. What carries it is no caller's, and the
// rules may shut it out: an open flow of it goes on, also through a trial and its
// confirm, and the first that is new after a silence does not.
func tunnelNotes(visits []*visit) (notes []string) {
	told := map[string]bool{}
	for _, v := range visits {
		if told[v.link] {
			continue
		}
		told[v.link] = true
		if kind := tunnelKind(v.link); kind != "" {
			notes = append(notes, fmt.Sprintf("%s comes by %s, a tunnel (%s): that what carries it still gets in was not tried; if the tunnel is made from the other end, a service of the profile must state its port", v.from.WithZone(""), v.link, kind))
		}
	}
	return notes
}

// tunnelKind returns what kind of tunnel an interface is; empty for none.
func tunnelKind(name string) string {
	link, err := netlink.LinkByName(name)
	if err != nil || !slices.Contains(tunnels, link.Type()) {
		return ""
	}
	return link.Type()
}
