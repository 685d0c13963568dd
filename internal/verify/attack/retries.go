package attack

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
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
func (s *scene) tryRetries(ctx context.Context, f *result.Finding) error {
	if s.Profile.Scan.Probes == 0 {
		return nil
	}
	home, err := s.UnlistedHost("retrier")
	if err != nil {
		return err
	}
	for _, family := range network.Families {
		if family == 6 && !s.Profile.Policy.IPv6 {
			continue
		}
		client := network.Via(home, family)
		if err := s.retry(ctx, client); err != nil {
			return err
		}
		cost, err := s.costOfRetries(home, client)
		if err != nil {
			return err
		}
		f.Note(fmt.Sprintf("over IPv%d, %d times beside %d forged sources", family, retryRounds, retryRounds*forgedEach), cost)
	}
	return nil
}

// retry sends the client's SYNs and, between them, one from each of many sources.
func (s *scene) retry(ctx context.Context, client netip.Addr) error {
	family := network.FamilyOf(client)
	ports := s.Unserved("tcp", fewPorts(s.Profile)+1)
	syn := func(from netip.Addr, port uint16) prober.Packet {
		return prober.Packet{From: netip.AddrPortFrom(from, network.SourcePort), To: netip.AddrPortFrom(network.Server(family), port), Flags: prober.SYN, Maker: prober.Linux}
	}
	defer lab.Drain()
	return s.Prober.SendAll(ctx, func(yield func(prober.Packet) bool) {
		for range retryRounds {
			for _, port := range ports[1:] {
				if !yield(syn(client, port)) {
					return
				}
			}
			for range forgedEach {
				if !yield(syn(s.Newcomer(family), ports[0])) {
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
	if service, ok := network.FirstService(s.Profile, profile.Service.Public); ok {
		return network.Call(home, client, network.PortsOf(service)[0]), nil
	}
	return nil, nil
}
