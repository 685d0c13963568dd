package attack

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// check runs all checks. The visitors go on meanwhile.
func (s *scene) check(ctx context.Context, visitors []*visitor, t *result.Checks) error {
	for _, ask := range []func() error{
		func() error { return s.forgeAll(visitors, &t.Forged) },
		func() error { return s.forgeFor(s.regular, &t.Known) },
		func() error { return s.fillProven(&t.Filled) },
		func() error { return s.tryBlocked(ctx, &t.Blocked) },
		func() error { return s.tryServices(t) },
	} {
		if err := ask(); err != nil {
			return err
		}
	}
	return nil
}

// forgeAll forges probes from every visitor's address, and then each of them connects. A
// client is spared where the profile chose bans that hide everything: what is
// promised then is for those who have been here before, see forgeFor.
func (s *scene) forgeAll(visitors []*visitor, f *result.Finding) error {
	for _, p := range visitors {
		if p.role == "client" && HidesEverything(s.Profile) {
			continue
		}
		for _, a := range p.addresses {
			if err := s.forge(a); err != nil {
				return err
			}
			f.Note("the "+p.role+" at "+a.String(), p.call(a))
		}
	}
	return nil
}

// provenOfNetwork is the set that counts the sources that each /48 of IPv6 has proved.
const provenOfNetwork = ruleset.SetPrefix + "proven-48-v6"

// fillProven has one network of IPv6 prove more sources than it may, by its counter, which
// is set by hand: a network of IPv4 has too few addresses. Then a client of another
// network is proven by a connection, and keeps the services.
func (s *scene) fillProven(f *result.Finding) error {
	if s.newcomer == nil {
		return nil
	}
	const beyondAny = 1 << 32
	filler := netip.PrefixFrom(s.Fresh.Number(1, 6), 48).Masked()
	err := kernelset.AddEntries(provenOfNetwork, []kernelset.Entry{{Prefix: filler, Packets: beyondAny}})
	if err != nil && !errors.Is(err, kernelset.ErrNotFound) { // without it no source of IPv6 is proven, which the newcomer shows
		return err
	}
	return s.forgeFor(s.newcomer, f)
}

// forgeFor forges probes from the address of a client that has connected before,
// where a ban hides everything.
func (s *scene) forgeFor(client *visitor, f *result.Finding) error {
	if client == nil {
		return nil
	}
	for _, a := range client.addresses {
		if err := client.call(a); err != nil {
			f.Note("a client at "+a.String()+", at first", err)
			continue
		}
		if err := s.forge(a); err != nil {
			return err
		}
		f.Note("a client at "+a.String(), client.call(a))
	}
	return nil
}

// HidesEverything reports whether a ban takes the public services too.
func HidesEverything(p *profile.Profile) bool {
	return p.Scan.Probes > 0 && p.Scan.Scope == profile.Everything
}

// tryBlocked sweeps all listeners in the name of a blocked address.
func (s *scene) tryBlocked(ctx context.Context, f *result.Finding) error {
	for _, family := range network.Families {
		from, ok := network.Resident(s.Profile, s.Profile.Access.Block, family)
		if !ok || s.Trusts(from) {
			continue
		}
		if err := network.Route(netip.PrefixFrom(from, from.BitLen()), network.Via(s.Crowd, family)); err != nil {
			return err
		}
		states, err := s.Prober.Do(ctx, prober.Sweep{
			To: network.Server(family), Ports: s.Targets("tcp"), Rounds: 2, Wait: 300 * time.Millisecond,
			Packet: func(to netip.AddrPort) prober.Packet {
				return prober.Packet{From: netip.AddrPortFrom(from, network.SourcePort), To: to, Flags: prober.SYN}
			},
		})
		if err != nil {
			return err
		}
		var m result.Map
		readMap(&m, states)
		if n := m.Counts.Open + m.Counts.Closed; n > 0 {
			err = fmt.Errorf("%d ports answer, open are %s", n, result.PortList(m.Open))
		}
		f.Note(from.String(), err)
	}
	return nil
}

// tryServices connects to each port of every service, from the sources that the
// service is for.
func (s *scene) tryServices(t *result.Checks) error {
	for _, service := range s.Profile.Services {
		if service.Public() {
			n := s.Unlisted.Next()
			if err := s.callAll(&t.Clients, service, s.Unlisted.Number(n, 4), s.Unlisted.Number(n, 6)); err != nil {
				return err
			}
		} else if err := s.callAll(&t.Members, service, s.Residents(service.From)...); err != nil {
			return err
		}
		if service.Admin {
			if err := s.callAll(&t.Admins, service, s.Residents(s.Profile.Access.Admin)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// callAll calls ports of a service from each of the addresses.
func (s *scene) callAll(f *result.Finding, service profile.Service, addresses ...netip.Addr) error {
	for _, a := range addresses {
		if a.Is6() && !s.Profile.Policy.IPv6 {
			continue
		}
		home, err := s.Home(a)
		if err != nil {
			return err
		}
		for _, port := range network.Callable(service) {
			f.Note(service.Name+", "+port.String()+", from "+a.String(), network.Call(home, a, port))
		}
	}
	return nil
}
