package verify

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
)

// A client that retries does so in retryRounds, each beside the probes of
// forgedEach sources.
const (
	retryRounds = 15
	forgedEach  = 300
)

// errBanned is what a ban breaks.
var errBanned = errors.New("it is banned")

// tryRetries has a client try a few closed ports again and again, no more of them
// than a source may, while probes come that are forged in the names of thousands.
// Then it must not be banned, and it calls a public service if there is one.
func (s *scene) tryRetries(ctx context.Context, f *finding) error {
	if s.profile.Scan.Probes == 0 {
		return nil
	}
	home, err := s.unlistedHost("retrier")
	if err != nil {
		return err
	}
	for _, family := range families {
		if family == 6 && !s.profile.Policy.IPv6 {
			continue
		}
		client := via(home, family)
		if err := s.retry(ctx, client); err != nil {
			return err
		}
		cost, err := s.costOfRetries(home, client)
		if err != nil {
			return err
		}
		f.note(fmt.Sprintf("over IPv%d, %d times beside %d forged sources", family, retryRounds, retryRounds*forgedEach), cost)
	}
	return nil
}

// retry sends the client's SYNs and, between them, one from each of many sources.
func (s *scene) retry(ctx context.Context, client netip.Addr) error {
	family := familyOf(client)
	ports := s.unserved("tcp", fewPorts(s.profile)+1)
	syn := func(from netip.Addr, port uint16) prober.Packet {
		return prober.Packet{From: netip.AddrPortFrom(from, sourcePort), To: netip.AddrPortFrom(server(family), port), Flags: prober.SYN, Maker: prober.Linux}
	}
	defer lab.Drain()
	return s.prober.SendAll(ctx, func(yield func(prober.Packet) bool) {
		for range retryRounds {
			for _, port := range ports[1:] {
				if !yield(syn(client, port)) {
					return
				}
			}
			for range forgedEach {
				if !yield(syn(s.newcomer(family), ports[0])) {
					return
				}
			}
		}
	})
}

// fewPorts is how many closed ports a source may try: three, or what the windows
// let pass.
func fewPorts(p *profile.Profile) int {
	few := min(3, p.Scan.Probes)
	if p.Scan.Slow.Count > 0 {
		few = min(few, p.Scan.Slow.Count)
	}
	return int(few)
}

// costOfRetries is why a client cannot go on, or nil.
func (s *scene) costOfRetries(home *lab.Host, client netip.Addr) (cost, err error) {
	if is, err := banned(client); is || err != nil {
		return errBanned, err
	}
	if service, ok := s.firstService(profile.Service.Public); ok {
		return call(home, client, portsOf(service)[0]), nil
	}
	return nil, nil
}
