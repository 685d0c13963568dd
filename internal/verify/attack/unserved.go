package attack

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// tryUnserved ends the programs of all public services, asks their ports as a
// customer does, and starts the programs again. The proxy answers whatever listens:
// a service with synproxy is not asked by TCP.
func (s *scene) tryUnserved(ctx context.Context, f *result.Finding) (err error) {
	if !SilentToAll(s.Profile) {
		return nil
	}
	ports := map[string][]uint16{}
	for _, port := range s.Listening {
		if !network.IsPublic(s.Profile, port) || s.proxied(port) {
			continue
		}
		ports[port.Protocol] = append(ports[port.Protocol], uint16(port.Number))
		s.Services[port].Close()
		defer func() {
			again, failed := lab.Listen(port.Protocol, port.Number)
			if failed == nil {
				s.Services[port] = again
			}
			err = errors.Join(err, failed)
		}()
	}
	for _, protocol := range []string{"tcp", "udp"} {
		for _, family := range network.Families {
			if len(ports[protocol]) == 0 || family == 6 && !s.Profile.Policy.IPv6 {
				continue
			}
			answers, err := s.answersOf(ctx, protocol, family, ports[protocol], prober.Packet{})
			if err != nil {
				return err
			}
			f.Note(fmt.Sprintf("%s %s over IPv%d", protocol, result.PortList(ports[protocol]), family), none(answers))
		}
	}
	return nil
}

// none is an error where ports answer that must not.
func none(answers []uint16) error {
	if len(answers) == 0 {
		return nil
	}
	return fmt.Errorf("answers about %s", result.PortList(answers))
}

func (s *scene) proxied(port lab.Port) bool {
	for _, service := range s.Profile.Services {
		if service.SynProxy && port.Protocol == "tcp" && network.Has(service, port) {
			return true
		}
	}
	return false
}

// answersOf sends one packet like a customer's first to each port, from an unlisted address,
// and returns the ports that something came back from.
func (s *scene) answersOf(ctx context.Context, protocol string, family int, ports []uint16, like prober.Packet) (answers []uint16, err error) {
	from := s.Newcomer(family)
	states, err := s.Prober.Do(ctx, prober.Sweep{
		To: network.Server(family), Ports: ports, Wait: 300 * time.Millisecond,
		Packet: func(to netip.AddrPort) prober.Packet {
			p := like
			p.From, p.To, p.Maker = netip.AddrPortFrom(from, network.SourcePort), to, prober.Linux
			if p.UDP = protocol == "udp"; !p.UDP {
				p.Flags = prober.SYN
			}
			return p
		},
	})
	for _, port := range ports {
		if err == nil && states[port] != prober.Silent {
			answers = append(answers, port)
		}
	}
	return answers, err
}
