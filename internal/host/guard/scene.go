package guard

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"

	"github.com/hardenctl/hardenctl/internal/netns"
	"github.com/hardenctl/hardenctl/internal/wire"
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
	open      map[*visit]net.Conn // connections that were open before the rules
}

// farEnd is the name of the interface of the admin sources.
const farEnd = "far"

// cable is the hardware address of both ends of every cable (wire.UpWithoutARP).
var cable = net.HardwareAddr{2, 0, 0, 0, 0, 1}

func newScene(visits []*visit) (*scene, error) {
	s := &scene{visits: visits, outside: map[string]*netns.Space{}, farIndex: map[string]int{}, open: map[*visit]net.Conn{}}
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
	if err := wire.Cable(wire.End{Space: s.server, Name: link, Hardware: cable}, wire.End{Space: far, Name: farEnd, Hardware: cable}); err != nil {
		return err
	}
	err = s.server.Do(func() error {
		_, err := wire.UpWithoutARP(link)
		return err
	})
	if err != nil {
		return err
	}
	return far.Do(func() (err error) {
		s.farIndex[link], err = wire.UpWithoutARP(farEnd)
		return err
	})
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
	if err := wire.Address(name, host(near)); err != nil || name == loopback {
		return err // what is the server's own needs no route
	}
	return wire.Route{To: host(far), Link: name, From: near}.Set()
}

// host is the network of one address.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

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
	l, err := wire.Listen(protocol, address, wire.Echo, func() {})
	if err == nil {
		s.listeners = append(s.listeners, l)
	}
	return err
}

// close takes everything down. The kernel frees a namespace with its last
// socket.
func (s *scene) close() {
	for _, c := range s.open {
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
