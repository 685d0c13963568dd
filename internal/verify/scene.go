package verify

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/wire"
)

// scene is the lab while an attack goes on: the server, with a listener on
// every port that matters, and the crowd, a host that sends from any number of
// unlisted addresses.
type scene struct {
	profile   *profile.Profile
	bundle    *bundle.Bundle
	network   *lab.Network
	crowd     *lab.Host
	prober    *prober.Prober
	joining   sync.Mutex // one host at a time
	homes     map[netip.Addr]*lab.Host
	listening []lab.Port
	services  map[lab.Port]*lab.Service
	// fresh are the addresses of the map's patient attacker, one a port;
	// unlisted are those of all other attacks.
	fresh, unlisted *unlisted
	bans            *banWatch
	// regular has been to a public service before, knocker asks at doors; nil
	// where the profile has no use for them.
	regular, knocker *visitor
	connected        connected
	start            time.Time
	progress         func(string)
	options          Options
}

// families are those that are attacked. A profile that switches IPv6 off
// promises that nothing is open there, which is attacked as well.
var families = []int{4, 6}

// server returns the server's address of a family.
func server(family int) netip.Addr {
	if family == 4 {
		return netip.MustParseAddr(lab.ServerV4)
	}
	return netip.MustParseAddr(lab.ServerV6)
}

// serverLink is the hardware address that lab gives the server.
var serverLink = net.HardwareAddr{2, 0, 0, 0, 0, 1}

// settle makes the network, opens the ports and lets the crowd move in.
func (s *scene) settle() (err error) {
	if s.fresh, s.unlisted, err = findUnlisted(s.profile); err != nil {
		return err
	}
	if s.network, err = lab.Open(); err != nil {
		return err
	}
	s.listening = listeners(s.profile)
	for _, port := range s.listening {
		service, err := lab.Listen(port.Protocol, port.Number)
		if err != nil {
			return err
		}
		s.services[port] = service
	}
	if s.crowd, err = s.unlistedHost("crowd"); err != nil {
		return err
	}
	for _, group := range []*unlisted{s.fresh, s.unlisted} {
		if err := route(group.v4, s.crowd.V4()); err != nil {
			return err
		}
		if err := route(group.v6, s.crowd.V6()); err != nil {
			return err
		}
	}
	s.prober, err = s.newProber()
	return err
}

// newProber opens a prober among the crowd, for an attack that needs its own.
// The caller closes it.
func (s *scene) newProber() (p *prober.Prober, err error) {
	err = s.crowd.Do(func() (err error) {
		p, err = prober.New("eth0", serverLink)
		return err
	})
	return p, err
}

// unlistedHost joins a host with an unlisted address in each family.
func (s *scene) unlistedHost(name string) (*lab.Host, error) {
	n := s.unlisted.next()
	return s.join(name, s.unlisted.number(n, 4), s.unlisted.number(n, 6))
}

// join joins a host with addresses of its own.
func (s *scene) join(name string, addresses ...netip.Addr) (*lab.Host, error) {
	s.joining.Lock()
	defer s.joining.Unlock()
	var texts []string
	for _, a := range addresses {
		texts = append(texts, a.String())
	}
	h, err := s.network.Join(name, texts...)
	for _, a := range addresses {
		s.homes[a] = h
	}
	return h, err
}

// home returns the host that has an address: one that has joined with it, or
// else a new one.
func (s *scene) home(a netip.Addr) (*lab.Host, error) {
	s.joining.Lock()
	h, n := s.homes[a], len(s.homes)
	s.joining.Unlock()
	if h != nil {
		return h, nil
	}
	return s.join(fmt.Sprintf("caller%d", n), a)
}

// route sends what is for a network to one host.
func route(to netip.Prefix, via netip.Addr) error {
	return wire.Route{To: to, Link: lab.ServerInterface, Via: via}.Set()
}

// close ends the listeners and the network. The lab itself ends with its
// process.
func (s *scene) close() {
	if s.prober != nil {
		s.prober.Close()
	}
	for _, conn := range s.connected.conns {
		conn.Close()
	}
	for _, service := range s.services {
		service.Close()
	}
	if s.network != nil {
		s.network.Close()
	}
}

// apply applies a bundle to the server as `hardenctl apply` does, and returns
// the backend of its iptables.
func (s *scene) apply(ctx context.Context, b *bundle.Bundle) (backend string, err error) {
	held, err := host.Under("/").Open(ctx, host.Wait{Limit: time.Minute})
	if err != nil {
		return "", err
	}
	defer held.Close()
	t := host.Target{Bundle: b}
	r, err := held.Plan(ctx, t)
	if err != nil {
		return "", err
	}
	if o := held.Apply(ctx, r, t, 0); o.Err != nil {
		return "", fmt.Errorf("applying the profile in the lab: %w", o.Err)
	}
	return string(r.Tools.Backend), nil
}

// since returns the seconds from when the profile was live until t.
func (s *scene) since(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return t.Sub(s.start).Seconds()
}

// now returns the seconds since the profile was live.
func (s *scene) now() float64 { return s.since(time.Now()) }
