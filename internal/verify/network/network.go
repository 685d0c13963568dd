// Package network builds the network in which a profile is attacked: a server with a
// listener on every port of every service, and on ports that the profile does not
// state, and hosts from which legitimate clients and attackers send. It applies the
// profile to the server, and knows no attack.
package network

import (
	"context"
	"fmt"
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

// Network is the lab of a profile: the server, with a listener on every port that
// matters, and the crowd, a host that sends from any number of unlisted addresses.
type Network struct {
	Profile *profile.Profile
	Bundle  *bundle.Bundle
	lan     *lab.Network
	Crowd   *lab.Host
	// Prober sends from the crowd.
	Prober    *prober.Prober
	joining   sync.Mutex // one host at a time
	homes     map[netip.Addr]*lab.Host
	Listening []lab.Port
	Services  map[lab.Port]*lab.Service
	// Fresh are the addresses of the map's patient attacker, one a port;
	// Unlisted are those of all other attacks.
	Fresh, Unlisted *Unlisted
	start           time.Time
}

// Build makes the network of a profile, whose bundle is b, opens the ports and lets
// the crowd move in. The caller closes it.
func Build(p *profile.Profile, b *bundle.Bundle) (*Network, error) {
	s := &Network{Profile: p, Bundle: b, homes: map[netip.Addr]*lab.Host{}, Services: map[lab.Port]*lab.Service{}, start: time.Now()}
	if err := s.settle(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// settle makes what Build returns.
func (s *Network) settle() (err error) {
	if s.Fresh, s.Unlisted, err = findUnlisted(s.Profile); err != nil {
		return err
	}
	if s.lan, err = lab.Open(); err != nil {
		return err
	}
	s.Listening = listeners(s.Profile)
	for _, port := range s.Listening {
		service, err := lab.Listen(port.Protocol, port.Number)
		if err != nil {
			return err
		}
		s.Services[port] = service
	}
	if s.Crowd, err = s.UnlistedHost("crowd"); err != nil {
		return err
	}
	for _, group := range []*Unlisted{s.Fresh, s.Unlisted} {
		if err := Route(group.v4, s.Crowd.V4()); err != nil {
			return err
		}
		if err := Route(group.v6, s.Crowd.V6()); err != nil {
			return err
		}
	}
	s.Prober, err = s.NewProber()
	return err
}

// NewProber opens a prober among the crowd, for an attack that needs its own.
// The caller closes it.
func (s *Network) NewProber() (p *prober.Prober, err error) {
	err = s.Crowd.Do(func() (err error) {
		p, err = prober.New("eth0", ServerLink)
		return err
	})
	return p, err
}

// UnlistedHost joins a host with an unlisted address in each family.
func (s *Network) UnlistedHost(name string) (*lab.Host, error) {
	n := s.Unlisted.Next()
	return s.Join(name, s.Unlisted.Number(n, 4), s.Unlisted.Number(n, 6))
}

// Join joins a host with addresses of its own.
func (s *Network) Join(name string, addresses ...netip.Addr) (*lab.Host, error) {
	s.joining.Lock()
	defer s.joining.Unlock()
	var texts []string
	for _, a := range addresses {
		texts = append(texts, a.String())
	}
	h, err := s.lan.Join(name, texts...)
	for _, a := range addresses {
		s.homes[a] = h
	}
	return h, err
}

// Home returns the host that has an address: one that has joined with it, or
// else a new one.
func (s *Network) Home(a netip.Addr) (*lab.Host, error) {
	s.joining.Lock()
	h, n := s.homes[a], len(s.homes)
	s.joining.Unlock()
	if h != nil {
		return h, nil
	}
	return s.Join(fmt.Sprintf("caller%d", n), a)
}

// Route sends what is for a network to one host.
func Route(to netip.Prefix, via netip.Addr) error {
	return wire.Route{To: to, Link: lab.ServerInterface, Via: via}.Set()
}

// Close ends the listeners and the network. The lab itself ends with its
// process.
func (s *Network) Close() {
	if s.Prober != nil {
		s.Prober.Close()
	}
	for _, service := range s.Services {
		service.Close()
	}
	if s.lan != nil {
		s.lan.Close()
	}
}

// Apply applies a bundle to the server as `hardenctl apply` does, and returns
// the backend of its iptables.
func (s *Network) Apply(ctx context.Context, b *bundle.Bundle) (backend string, err error) {
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

// Since returns the seconds from when the profile was live until t.
func (s *Network) Since(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return t.Sub(s.start).Seconds()
}

// Live notes that the profile is live from now on, and returns for how long the
// network was there before, in seconds.
func (s *Network) Live() (before float64) {
	before = s.Now()
	s.start = time.Now()
	return before
}

// Now returns the seconds since the profile was live.
func (s *Network) Now() float64 { return s.Since(time.Now()) }
