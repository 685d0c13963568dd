// Package wire lays a throwaway network between network namespaces: cables,
// addresses, routes, and ports that answer. The lockout check tries logins in one,
// and package lab builds servers under attack out of it.
//
// Cable names both namespaces. Every other function works in the namespace of the
// calling thread: call it in netns.Space.Do.
package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/netns"
)

// End is one end of a cable: an interface of a namespace.
type End struct {
	// Space is nil for the namespace of the calling thread.
	Space *netns.Space
	Name  string
	// Hardware is the address of the interface; nil for one that the kernel chooses.
	Hardware net.HardwareAddr
}

// mtu is that of every cable, as of Ethernet.
const mtu = 1500

// Cable makes two interfaces that are joined (veth(4)). Both are down. The near end
// is in the namespace of the calling thread.
func Cable(near, far End) error {
	cable := netlink.NewVeth(netlink.LinkAttrs{Name: near.Name, HardwareAddr: near.Hardware, MTU: mtu})
	cable.PeerName, cable.PeerHardwareAddr = far.Name, far.Hardware
	if near.Space != nil {
		return near.Space.Do(func() error { return Cable(End{nil, near.Name, near.Hardware}, far) })
	}
	if far.Space != nil {
		cable.PeerNamespace = netlink.NsFd(far.Space.FD())
	}
	return named(near.Name, netlink.LinkAdd(cable))
}

// Bridge makes a bridge. It has a fixed address: else it takes the lowest one of its
// ports, and hosts go on sending to an old one. It looks into no multicast:
// neighbour discovery would depend on the MLD that a firewall may drop.
func Bridge(name string, hardware net.HardwareAddr) error {
	snooping := false
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name, HardwareAddr: hardware}, MulticastSnooping: &snooping}
	return named(name, netlink.LinkAdd(bridge))
}

// Remove removes an interface, and the other end of its cable.
func Remove(name string) error {
	return with(name, netlink.LinkDel)
}

// Plug puts an interface into a bridge.
func Plug(name, bridge string) error {
	return with(name, func(link netlink.Link) error {
		master, err := netlink.LinkByName(bridge)
		if err != nil {
			return err
		}
		return netlink.LinkSetMaster(link, master)
	})
}

// Up brings an interface up.
func Up(name string) error { return with(name, netlink.LinkSetUp) }

// UpWithoutARP brings an interface up that asks for no neighbour and takes packets
// to its own hardware address as the other end's: no first packet is lost to the
// search. Both ends of the cable have one address then. It returns the number of
// the interface.
func UpWithoutARP(name string) (index int, err error) {
	err = with(name, func(link netlink.Link) error {
		index = link.Attrs().Index
		return errors.Join(netlink.LinkSetARPOff(link), netlink.LinkSetUp(link))
	})
	return index, err
}

// Address gives an interface that is up an address, which can be used at once: the
// kernel does not look for duplicates. An address that it has already is not an error.
func Address(name string, p netip.Prefix) error {
	return with(name, func(link netlink.Link) error {
		address := &netlink.Addr{IPNet: network(p)}
		if p.Addr().Is6() {
			address.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(link, address); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("address %s: %w", p, err)
		}
		return awaitLocal(p.Addr())
	})
}

// localWait is how long the kernel may take until it accepts packets to an address.
const localWait = 10 * time.Second

// awaitLocal waits until the kernel accepts packets to an IPv6 address. It makes the
// local route in a work queue, also without duplicate address detection
// (addrconf_dad_work in net/ipv6/addrconf.c). IPv4 has it at once.
func awaitLocal(a netip.Addr) error {
	if a.Is4() {
		return nil
	}
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		routes, err := netlink.RouteGet(a.AsSlice())
		if err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL {
			return nil
		}
		if time.Since(began) > localWait {
			return fmt.Errorf("address %s: the kernel does not accept packets to it after %s", a, localWait)
		}
	}
}

// Narrow makes an interface carry no more than so many bytes a packet.
func Narrow(name string, mtu int) error {
	return with(name, func(link netlink.Link) error { return netlink.LinkSetMTU(link, mtu) })
}

// Neighbour has an interface send packets for an address to a hardware address,
// without asking for it.
func Neighbour(name string, a netip.Addr, hardware net.HardwareAddr) error {
	return with(name, func(link netlink.Link) error {
		return netlink.NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: a.AsSlice(), HardwareAddr: hardware})
	})
}

// Route is a way to a network by an interface.
type Route struct {
	To   netip.Prefix
	Link string
	// Via is the next router; without one, To is on the link.
	Via netip.Addr
	// From is the address with which packets leave; the zero Addr leaves it to the
	// kernel.
	From netip.Addr
}

// Set makes the route, or puts it in the place of the one to the same network.
func (r Route) Set() error {
	return with(r.Link, func(link netlink.Link) error {
		route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: network(r.To)}
		if r.Via.IsValid() {
			route.Gw = r.Via.AsSlice()
		} else {
			route.Scope = netlink.SCOPE_LINK
		}
		if r.From.IsValid() {
			route.Src = r.From.AsSlice()
		}
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("route to %s: %w", r.To, err)
		}
		return nil
	})
}

// with calls f for an interface, whose name its error has.
func with(name string, f func(netlink.Link) error) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = f(link)
	}
	return named(name, err)
}

func named(name string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func network(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
