package guard

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/host/netns"
)

// scene is a network made for the visits: a server that has the host's
// interfaces and addresses, and behind each interface a namespace in which the
// admin sources live that come by it.
type scene struct {
	visits    []*visit
	server    *netns.Space
	outside   map[string]*netns.Space // by the server's interface; the server itself behind loopback
	farIndex  map[string]int          // of the admin sources' interface there
	listeners []io.Closer
	sessions  map[*visit]net.Conn // those that were open before the rules
}

// farEnd is the name of the interface of the admin sources.
const farEnd = "far"

// cable is the hardware address of both ends of every cable. An interface
// without ARP sends to its own, and the other end takes that for its own too: no
// neighbour is to be looked for, and no first packet lost to the search.
var cable = net.HardwareAddr{2, 0, 0, 0, 0, 1}

func newScene(visits []*visit) (*scene, error) {
	s := &scene{visits: visits, outside: map[string]*netns.Space{}, farIndex: map[string]int{}, sessions: map[*visit]net.Conn{}}
	if err := s.build(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *scene) build() (err error) {
	if s.server, err = netns.New(); err != nil {
		return err
	}
	s.outside[loopback] = s.server
	for _, v := range s.visits {
		if err := s.connect(v.link); err != nil {
			return fmt.Errorf("interface %s: %w", v.link, err)
		}
	}
	for _, v := range s.visits {
		if err := s.settle(v); err != nil {
			return fmt.Errorf("%s at %s: %w", v.from, v.link, err)
		}
	}
	return s.listen()
}

// connect makes an interface of the server, and the namespace behind it, if
// there is none yet.
func (s *scene) connect(link string) (err error) {
	if s.outside[link] != nil {
		return nil
	}
	far, err := netns.New()
	if err != nil {
		return err
	}
	s.outside[link] = far
	err = s.server.Do(func() error {
		veth := netlink.NewVeth(netlink.LinkAttrs{Name: link, HardwareAddr: cable, MTU: 1500})
		veth.PeerName, veth.PeerHardwareAddr, veth.PeerNamespace = farEnd, cable, netlink.NsFd(far.FD())
		if err := netlink.LinkAdd(veth); err != nil {
			return err
		}
		_, err := up(link)
		return err
	})
	if err != nil {
		return err
	}
	return far.Do(func() (err error) {
		s.farIndex[link], err = up(farEnd)
		return err
	})
}

// up brings an interface up, without ARP, and returns its number.
func up(name string) (index int, err error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return 0, err
	}
	return link.Attrs().Index, errors.Join(netlink.LinkSetARPOff(link), netlink.LinkSetUp(link))
}

// settle gives both ends of a visit their addresses, and the routes to each
// other.
func (s *scene) settle(v *visit) error {
	far := farEnd
	if v.link == loopback {
		far = loopback
	}
	err := s.server.Do(func() error { return join(v.link, v.to, v.from) })
	if err != nil {
		return err
	}
	return s.outside[v.link].Do(func() error { return join(far, v.from, v.to) })
}

// join gives an interface an address, and a way to another.
func join(name string, near, far netip.Addr) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	address := &netlink.Addr{IPNet: host(near)}
	if near.Is6() {
		address.Flags = unix.IFA_F_NODAD // it can be used at once
	}
	if err := netlink.AddrAdd(link, address); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("address %s: %w", near, err)
	}
	if name == loopback {
		return nil // what is the server's own needs no route
	}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: host(far), Src: near.AsSlice(), Scope: netlink.SCOPE_LINK}
	if err := netlink.RouteReplace(route); err != nil {
		return fmt.Errorf("route to %s: %w", far, err)
	}
	return nil
}

// host is the network of one address.
func host(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
}

// listen opens every port that somebody visits, each for both families. What
// is sent there comes back.
func (s *scene) listen() error {
	open := map[string]bool{}
	for _, v := range s.visits {
		if open[v.port()] {
			continue
		}
		open[v.port()] = true
		err := s.server.Do(func() error { return s.listenAt(v.protocol, ":"+strconv.Itoa(int(v.number))) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) listenAt(protocol, address string) error {
	if protocol == "udp" {
		c, err := net.ListenPacket(protocol, address)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, c)
		go echoDatagrams(c)
		return nil
	}
	l, err := net.Listen(protocol, address)
	if err != nil {
		return err
	}
	s.listeners = append(s.listeners, l)
	go echoConnections(l)
	return nil
}

func echoConnections(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			io.Copy(c, c)
			c.Close()
		}()
	}
}

func echoDatagrams(c net.PacketConn) {
	buffer := make([]byte, 64)
	for {
		n, from, err := c.ReadFrom(buffer)
		if err != nil {
			return
		}
		c.WriteTo(buffer[:n], from)
	}
}

// close takes everything down. The kernel frees a namespace with its last
// socket.
func (s *scene) close() {
	for _, c := range s.sessions {
		c.Close()
	}
	for _, l := range s.listeners {
		l.Close()
	}
	for link, space := range s.outside {
		if link != loopback {
			space.Close()
		}
	}
	if s.server != nil {
		s.server.Close()
	}
}
