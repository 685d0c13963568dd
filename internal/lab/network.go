package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/internal/netns"
	"github.com/hardenctl/hardenctl/internal/wire"
)

// The server's interface and its addresses in every Network.
const (
	ServerInterface = "eth0"
	ServerV4        = "192.0.2.1"
	ServerV6        = "2001:db8::1"
)

// serverPrefixes are the server's addresses with the networks on its link.
var serverPrefixes = []netip.Prefix{
	netip.MustParsePrefix(ServerV4 + "/24"),
	netip.MustParsePrefix(ServerV6 + "/64"),
}

// Network joins hosts to the server, which is the lab's own namespace. All of
// them are on one link, ServerInterface to the server and "eth0" to a host.
// There is one Network at a time in a lab.
type Network struct {
	hosts []*Host
}

// Open makes a network without hosts. The caller closes it.
func Open() (*Network, error) {
	if err := Inside(); err != nil {
		return nil, err
	}
	n := &Network{}
	hardware, err := net.ParseMAC(serverLink)
	if err == nil {
		err = wire.Bridge(ServerInterface, hardware)
	}
	if err == nil {
		err = addressServer()
	}
	if err != nil {
		n.Close()
		return nil, fmt.Errorf("lab network: %w", err)
	}
	return n, nil
}

// addressServer gives the bridge the server's addresses.
func addressServer() error {
	if err := wire.Up(ServerInterface); err != nil {
		return err
	}
	for _, p := range serverPrefixes {
		if err := wire.Address(ServerInterface, p); err != nil {
			return err
		}
	}
	return nil
}

// Close removes the network and its hosts. Programs that still run on a host
// keep its namespace alive, without a link, until they end.
func (n *Network) Close() error {
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	for _, h := range n.hosts {
		// The kernel takes its time to end a namespace, and with it the cable.
		keep(wire.Remove(h.port))
		keep(netns.RemoveName(h.name))
	}
	n.hosts = nil
	keep(wire.Remove(ServerInterface))
	return first
}

// Join adds a host. An address is written with its prefix length: "192.0.2.66/24"
// and "2001:db8::66/64" are on the server's link. An address of any other
// network, such as "66.249.64.5" or "66.249.64.5/32", is reached by a route of
// its own, and reaches the server and everything else through the server.
func (n *Network) Join(name string, addresses ...string) (*Host, error) {
	h := &Host{name: name}
	for _, text := range addresses {
		p, err := parseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("lab host %s: %w", name, err)
		}
		h.prefixes = append(h.prefixes, p)
	}
	if err := n.connect(h); err != nil {
		return nil, fmt.Errorf("lab host %s: %w", name, err)
	}
	return h, nil
}

// parseAddress reads an address; without a length it is a network by itself.
func parseAddress(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// connect makes the namespace of h and the cable between it and the bridge.
func (n *Network) connect(h *Host) error {
	h.port = "port" + strconv.Itoa(len(n.hosts))
	space, err := netns.NewNamed(h.name)
	if err != nil {
		return err
	}
	defer space.Close()
	n.hosts = append(n.hosts, h)
	if err := wire.Cable(wire.End{Name: h.port}, wire.End{Space: space, Name: hostInterface}); err != nil {
		return err
	}
	if err := errors.Join(wire.Plug(h.port, ServerInterface), wire.Up(h.port)); err != nil {
		return err
	}
	if err := space.Do(func() error { return wire.Up(hostInterface) }); err != nil {
		return err
	}
	if err := forwards(h.port); err != nil {
		return err
	}
	for _, p := range h.prefixes {
		if err := settleAt(space, p); err != nil {
			return err
		}
	}
	return nil
}

// hostInterface is the one of every host.
const hostInterface = "eth0"

// forwards waits until the bridge forwards for a port. The kernel sees to it in
// a queue of its own after the cable is up (net/core/link_watch.c); until then
// packets are lost, on a busy machine for longer than a customer waits.
func forwards(port string) error {
	const forwarding = "3" // BR_STATE_FORWARDING
	path := "/sys/class/net/" + port + "/brport/state"
	for range 1000 {
		state, err := os.ReadFile(path)
		if err != nil || strings.TrimSpace(string(state)) == forwarding {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("the bridge does not forward for %s after 10 s", port)
}

// settleAt gives a host one address, and both sides the routes that they need.
func settleAt(space *netns.Space, p netip.Prefix) error {
	err := space.Do(func() error { return wire.Address(hostInterface, p) })
	if err != nil || !p.IsSingleIP() {
		return err
	}
	if err := (wire.Route{To: p, Link: ServerInterface}).Set(); err != nil {
		return err
	}
	server, all := netip.MustParseAddr(ServerV4), netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if p.Addr().Is6() {
		server, all = netip.MustParseAddr(ServerV6), netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return space.Do(func() error {
		link := wire.Route{To: netip.PrefixFrom(server, server.BitLen()), Link: hostInterface, From: p.Addr()}
		rest := wire.Route{To: all, Link: hostInterface, Via: server, From: p.Addr()}
		return errors.Join(link.Set(), rest.Set())
	})
}

// Bench is a Network that belongs to a test: what fails ends the test.
type Bench struct {
	*Network
	t T
}

// NewNetwork makes a network that lasts until the end of the test.
func NewNetwork(t T) *Bench {
	t.Helper()
	Require(t)
	n, err := Open()
	must(t, err)
	t.Cleanup(func() { must(t, n.Close()) })
	return &Bench{n, t}
}

// Host adds a host, as Join does.
func (b *Bench) Host(name string, addresses ...string) *Host {
	b.t.Helper()
	h, err := b.Join(name, addresses...)
	must(b.t, err)
	return h
}
