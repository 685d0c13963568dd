package guard

import (
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
)

// tunnels are the kinds of interfaces (ip-link(8)) whose packets come to this
// host wrapped in others.
var tunnels = []string{
	"wireguard", "tuntap", "ppp", "xfrm", "vti", "vti6", "gre", "gretap", "ip6gre", "ip6gretap",
	"ipip", "sit", "ip6tnl", "vxlan", "geneve", "l2tp",
}

// tunnelNotes says of admin sources that come by a tunnel what was not tried. An admin source
// is proven from where the tunnel ends. What carries it is not an admin source's, and the
// rules may shut it out: an open flow of it goes on, also through a trial and its
// confirm, and the first that is new after a silence does not.
func tunnelNotes(visits []*visit) (notes []string) {
	sealed := sealedSources()
	told := map[string]bool{}
	for _, v := range visits {
		way := tunnelTo(v, sealed)
		if way == "" || told[way] {
			continue
		}
		told[way] = true
		notes = append(notes, fmt.Sprintf("%s comes by %s: that what carries it still gets in was not tried; if the tunnel is made from the other end, a service of the profile must state its port", v.from.WithZone(""), way))
	}
	return notes
}

// tunnelTo names the tunnel by which a visitor comes; empty for none.
func tunnelTo(v *visit, sealed []*net.IPNet) string {
	link, err := netlink.LinkByName(v.link)
	if err == nil && slices.Contains(tunnels, link.Type()) {
		return fmt.Sprintf("%s, a tunnel (%s)", v.link, link.Type())
	}
	if slices.ContainsFunc(sealed, func(n *net.IPNet) bool { return n.Contains(v.from.AsSlice()) }) {
		return "IPsec (ip xfrm policy shows it)"
	}
	return ""
}

// sealedSources are the addresses from which the kernel takes only what has come
// by IPsec, on whatever interface; none where it has no IPsec.
func sealedSources() (sources []*net.IPNet) {
	policies, err := netlink.XfrmPolicyList(netlink.FAMILY_ALL)
	if err != nil {
		return nil
	}
	for _, p := range policies {
		if p.Dir == netlink.XFRM_DIR_IN && p.Src != nil && len(p.Tmpls) > 0 {
			sources = append(sources, p.Src)
		}
	}
	return sources
}
