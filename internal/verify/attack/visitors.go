package attack

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// visitor is a legitimate client on a host of its own.
type visitor struct {
	role      string
	host      *lab.Host
	addresses []netip.Addr // one or both families
	service   profile.Service
	port      lab.Port
	every     time.Duration // between two visits
	lock      sync.Mutex
	visits    []result.Visit
	err       error
}

// invite joins the visitors of the profile: a client of the first service
// that has clients, a crawler if some addresses are exempt, and an admin if
// some are admins'. A role without a service to visit is left out.
func (s *scene) invite() ([]*visitor, error) {
	var visitors []*visitor
	for _, guest := range []func() (*visitor, error){s.client, s.crawler, s.admin} {
		p, err := guest()
		if err != nil {
			return nil, err
		}
		if p != nil {
			visitors = append(visitors, p)
		}
	}
	return visitors, nil
}

// quiet joins the visitors that connect only when a check asks: one that connects
// to a public service again, where that counts, and one that knocks.
func (s *scene) quiet() error {
	service, ok := network.FirstService(s.Profile, profile.Service.Public)
	if ok && HidesEverything(s.Profile) && s.Profile.Scan.Proven > 0 && network.PortsOf(service)[0].Protocol == "tcp" {
		n := s.Unlisted.Next()
		s.regular = newVisitor("regular", service, s.Unlisted.Number(n, 4), s.Unlisted.Number(n, 6))
		n = s.Unlisted.Next()
		s.newcomer = newVisitor("newcomer", service, s.Unlisted.Number(n, 4), s.Unlisted.Number(n, 6))
		for _, v := range []*visitor{s.regular, s.newcomer} {
			if err := s.moveIn(v); err != nil {
				return err
			}
		}
	}
	service, ok = network.FirstService(s.Profile, func(service profile.Service) bool { return service.Knock.Name != "" })
	if !ok {
		return nil
	}
	n := s.Unlisted.Next()
	s.knocker = newVisitor("knocker", service, s.Unlisted.Number(n, 4), s.Unlisted.Number(n, 6))
	return s.moveIn(s.knocker)
}

// client has an unlisted address and uses a public service, or, where there is none,
// an address that a service is for.
func (s *scene) client() (*visitor, error) {
	if service, ok := network.FirstService(s.Profile, profile.Service.Public); ok {
		n := s.Unlisted.Next()
		p := newVisitor("client", service, s.Unlisted.Number(n, 4), s.Unlisted.Number(n, 6))
		p.every = pace(service, s.Profile.UDP)
		return p, s.moveIn(p)
	}
	service, ok := network.FirstService(s.Profile, func(service profile.Service) bool { return !service.Admin })
	if !ok {
		return nil, nil
	}
	p := s.visitor("client", service, service.From)
	if p != nil {
		p.every = pace(service, s.Profile.UDP)
	}
	return p, s.moveIn(p)
}

// crawler has an exempt address, and visits what everyone may visit.
func (s *scene) crawler() (*visitor, error) {
	service, ok := network.FirstService(s.Profile, profile.Service.Public)
	if !ok {
		return nil, nil
	}
	p := s.visitor("crawler", service, s.Profile.Access.Exempt)
	return p, s.moveIn(p)
}

// admin has an admin address and visits an admin service.
func (s *scene) admin() (*visitor, error) {
	service, ok := network.FirstService(s.Profile, func(service profile.Service) bool { return service.Admin })
	if !ok {
		return nil, nil
	}
	p := s.visitor("admin", service, s.Profile.Access.Admin)
	return p, s.moveIn(p)
}

// visitor returns a visitor with an address of a list, or nil if the list is empty.
func (s *scene) visitor(role string, service profile.Service, refs []profile.Ref) *visitor {
	var addresses []netip.Addr
	for _, family := range network.Families {
		if a, ok := network.Resident(s.Profile, refs, family); ok && (family == 4 || s.Profile.Policy.IPv6) {
			addresses = append(addresses, a)
		}
	}
	if len(addresses) == 0 {
		return nil
	}
	return newVisitor(role, service, addresses...)
}

func newVisitor(role string, service profile.Service, addresses ...netip.Addr) *visitor {
	return &visitor{role: role, service: service, port: network.PortsOf(service)[0], addresses: addresses, every: 100 * time.Millisecond}
}

func (s *scene) moveIn(p *visitor) (err error) {
	if p == nil {
		return nil
	}
	if !s.Profile.Policy.IPv6 {
		p.addresses = slices.DeleteFunc(p.addresses, netip.Addr.Is6)
	}
	if p.host, err = s.Join(p.role, p.addresses...); err != nil {
		return err
	}
	// A cable takes its first packets some moments after it is up. The
	// firewall is not the cause: it is not there yet.
	for _, a := range p.addresses {
		if err := p.call(a); err != nil {
			return fmt.Errorf("the %s at %s cannot reach the server, which has no firewall yet: %w", p.role, a, err)
		}
	}
	return nil
}

// pace returns the time between visits that stays within a service's limits,
// with room to spare. UDP services without one have that of [udp].
func pace(service profile.Service, udp profile.UDPLimits) time.Duration {
	limit := service.NewPerSource
	if !limit.Stated() && network.PortsOf(service)[0].Protocol == "udp" {
		limit = udp.NewPerSource
	}
	least := 100 * time.Millisecond
	switch {
	case limit.Quota.Count > 0:
		return max(least, limit.Quota.Window/time.Duration(limit.Quota.Count)*5/4)
	case limit.Rate.Count > 0:
		return max(least, limit.Rate.Per/time.Duration(limit.Rate.Count)*5/4)
	}
	return least
}

// visitUntil visits, from one address after the other, until stop is closed.
func (p *visitor) visitUntil(s *scene, stop <-chan struct{}) {
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for i := 0; ; i++ {
		p.visit(s, p.addresses[i%len(p.addresses)])
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
	}
}

// visit opens one connection and waits for the server's first words.
func (p *visitor) visit(s *scene, from netip.Addr) bool {
	v := result.Visit{At: s.Now()}
	start := time.Now()
	err := p.call(from)
	v.Took, v.Failed = time.Since(start), err != nil
	p.lock.Lock()
	defer p.lock.Unlock()
	p.visits = append(p.visits, v)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("at %.1f s, from %s: %w", v.At, from, err)
	}
	return err == nil
}

func (p *visitor) call(from netip.Addr) error { return network.Call(p.host, from, p.port) }

// report sums up what a visitor noticed.
func (p *visitor) report() result.Visitor {
	p.lock.Lock()
	defer p.lock.Unlock()
	r := result.Visitor{Role: p.role, Address: p.addresses[0].String(), Service: p.port.String(), Visits: len(p.visits), Times: slices.Clone(p.visits)}
	var took []time.Duration
	for _, v := range p.visits {
		if v.Failed {
			r.Failures++
			continue
		}
		took = append(took, v.Took)
	}
	if p.err != nil {
		r.Error = p.err.Error()
	}
	if slices.Sort(took); len(took) > 0 {
		r.Median, r.Slowest = took[len(took)/2], took[len(took)-1]
	}
	return r
}

// gather starts the visits; the function that it returns ends them.
func (s *scene) gather(visitors []*visitor) (stop func()) {
	done := make(chan struct{})
	var all sync.WaitGroup
	for _, p := range visitors {
		all.Add(1)
		go func() { defer all.Done(); p.visitUntil(s, done) }()
	}
	return func() { close(done); all.Wait() }
}
