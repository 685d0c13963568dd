package verify

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
)

// finding is the outcome of one check that is not a scan: whether a client
// reaches a service.
type finding struct {
	asked   bool     // false where the profile gives no reason to ask
	seen    []string // what went as the profile promises
	against []string // what did not
}

// note notes one answer: why it is not as promised, or else what was seen.
func (f *finding) note(seen string, err error) {
	f.asked = true
	if err != nil {
		f.against = append(f.against, seen+": "+err.Error())
		return
	}
	f.seen = append(f.seen, seen)
}

// checks are the findings.
type checks struct {
	forged, known, blocked, admins, members, clients finding
	opened, retries, unserved, forwarded             finding
}

// check runs all checks. The visitors go on meanwhile.
func (s *scene) check(ctx context.Context, visitors []*visitor, t *checks) error {
	for _, ask := range []func() error{
		func() error { return s.forgeAll(visitors, &t.forged) },
		func() error { return s.forgeKnown(&t.known) },
		func() error { return s.tryBlocked(ctx, &t.blocked) },
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
// promised then is for those who have been here before, see forgeKnown.
func (s *scene) forgeAll(visitors []*visitor, f *finding) error {
	for _, p := range visitors {
		if p.role == "client" && hidesEverything(s.profile) {
			continue
		}
		for _, a := range p.addresses {
			if err := s.forge(a); err != nil {
				return err
			}
			f.note("the "+p.role+" at "+a.String(), p.call(a))
		}
	}
	return nil
}

// forgeKnown forges probes from the address of a client that has connected before,
// where a ban hides everything.
func (s *scene) forgeKnown(f *finding) error {
	if s.regular == nil {
		return nil
	}
	for _, a := range s.regular.addresses {
		if err := s.regular.call(a); err != nil {
			f.note("a client at "+a.String()+", at first", err)
			continue
		}
		if err := s.forge(a); err != nil {
			return err
		}
		f.note("a client at "+a.String(), s.regular.call(a))
	}
	return nil
}

// hidesEverything reports whether a ban takes the public services too.
func hidesEverything(p *profile.Profile) bool {
	return p.Scan.Probes > 0 && p.Scan.Scope == profile.Everything
}

// tryBlocked sweeps all listeners in the name of a blocked address.
func (s *scene) tryBlocked(ctx context.Context, f *finding) error {
	for _, family := range families {
		from, ok := resident(s.profile, s.profile.Access.Block, family)
		if !ok || s.trusts(from) {
			continue
		}
		if err := route(netip.PrefixFrom(from, from.BitLen()), via(s.crowd, family)); err != nil {
			return err
		}
		states, err := s.prober.Do(ctx, prober.Sweep{
			To: server(family), Ports: s.targets("tcp"), Rounds: 2, Wait: 300 * time.Millisecond,
			Packet: func(to netip.AddrPort) prober.Packet {
				return prober.Packet{From: netip.AddrPortFrom(from, sourcePort), To: to, Flags: prober.SYN}
			},
		})
		if err != nil {
			return err
		}
		var m Map
		m.read(states)
		if n := m.Counts.Open + m.Counts.Closed; n > 0 {
			err = fmt.Errorf("%d ports answer, open are %s", n, portList(m.Open))
		}
		f.note(from.String(), err)
	}
	return nil
}

func via(h *lab.Host, family int) netip.Addr {
	if family == 4 {
		return h.V4()
	}
	return h.V6()
}

// trusts reports whether an address is admin or exempt, which wins over block.
func (s *scene) trusts(a netip.Addr) bool {
	return s.profile.Addresses(slices.Concat(s.profile.Access.Admin, s.profile.Access.Exempt)).Contains(a)
}

// tryServices connects to each port of every service, from the sources that the
// service is for.
func (s *scene) tryServices(t *checks) error {
	for _, service := range s.profile.Services {
		if service.Public() {
			n := s.unlisted.next()
			if err := s.callAll(&t.clients, service, s.unlisted.number(n, 4), s.unlisted.number(n, 6)); err != nil {
				return err
			}
		} else if err := s.callAll(&t.members, service, s.residents(service.From)...); err != nil {
			return err
		}
		if service.Admin {
			if err := s.callAll(&t.admins, service, s.residents(s.profile.Access.Admin)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// residents returns an address of each family from a list.
func (s *scene) residents(refs []profile.Ref) (addresses []netip.Addr) {
	for _, family := range families {
		if a, ok := resident(s.profile, refs, family); ok {
			addresses = append(addresses, a)
		}
	}
	return addresses
}

// callable returns the ports of a service that one source may call in a row:
// some, and no more than its limits let through.
func callable(service profile.Service) []lab.Port {
	ports, most := portsOf(service), 4
	for _, count := range []uint32{service.NewPerSource.Quota.Count, service.NewPerSource.Rate.Burst} {
		if count > 0 {
			most = min(most, int(count))
		}
	}
	return ports[:min(len(ports), most)]
}

// callAll calls ports of a service from each of the addresses.
func (s *scene) callAll(f *finding, service profile.Service, addresses ...netip.Addr) error {
	for _, a := range addresses {
		if a.Is6() && !s.profile.Policy.IPv6 {
			continue
		}
		home, err := s.home(a)
		if err != nil {
			return err
		}
		for _, port := range callable(service) {
			f.note(service.Name+", "+port.String()+", from "+a.String(), call(home, a, port))
		}
	}
	return nil
}
