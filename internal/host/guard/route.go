package guard

import (
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// loopback is the interface by which a host talks to itself: by a tunnel that
// ends on it, somebody can be logged in from there.
const loopback = "lo"

// What an address is given that this host knows no way to: it may come from
// there all the same, one day, by an interface that is not up yet.
const elsewhere = "eth0"

var (
	// RFC 2544 and RFC 3849: no host has these.
	elsewhereV4 = netip.MustParseAddr("198.18.0.1")
	elsewhereV6 = netip.MustParseAddr("2001:db8:ffff:ffff::1")
)

// locate finds by which interface the visitor comes, and to which address of
// this host, by the way that an answer would take. It reports false for a
// declared address that is this host's own: no admin source has it.
func (v *visit) locate() bool {
	if zone := v.from.Zone(); zone != "" {
		v.link, v.to = zone, inZone(v.to, zone)
		return true
	}
	route, found := answerRoute(v.from, v.to)
	v.link = elsewhere
	if found {
		if link, err := netlink.LinkByIndex(route.LinkIndex); err == nil {
			v.link = link.Attrs().Name
		}
	}
	if source, ok := netip.AddrFromSlice(route.Src); ok && !v.to.IsValid() {
		v.to = source.Unmap()
	}
	if !v.to.IsValid() {
		v.to = elsewhereV4
		if v.from.Is6() {
			v.to = elsewhereV6
		}
	}
	v.from, v.to = inZone(v.from, v.link), inZone(v.to, v.link)
	return v.connected || route.Type != unix.RTN_LOCAL
}

// inZone returns an address with the zone if it is link-local, of which every
// interface has some; others need none. The kernel does not tell the zone of a
// connection that is open.
func inZone(a netip.Addr, zone string) netip.Addr {
	if a.Is6() && a.IsLinkLocalUnicast() {
		return a.WithZone(zone)
	}
	return a
}

// answerRoute asks the kernel for the way from an address of this host, or from
// any, to another. A host may choose it by the source address. An address that
// is no more this host's is left out of the question.
func answerRoute(to, from netip.Addr) (netlink.Route, bool) {
	options := &netlink.RouteGetOptions{}
	if from.IsValid() {
		options.SrcAddr = from.AsSlice()
	}
	routes, err := netlink.RouteGetWithOptions(to.AsSlice(), options)
	if err != nil && from.IsValid() {
		routes, err = netlink.RouteGet(to.AsSlice())
	}
	if err != nil || len(routes) == 0 {
		return netlink.Route{}, false
	}
	return routes[0], true
}
