package verify

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
)

// tryUnserved ends the programs of all public services, asks their ports as a
// customer does, and starts the programs again. The proxy answers whatever listens:
// a service with synproxy is not asked by TCP.
func (s *scene) tryUnserved(ctx context.Context, f *finding) (err error) {
	if !silentToAll(s.profile) {
		return nil
	}
	ports := map[string][]uint16{}
	for _, port := range s.listening {
		if !isPublic(s.profile, port) || s.proxied(port) {
			continue
		}
		ports[port.Protocol] = append(ports[port.Protocol], uint16(port.Number))
		s.services[port].Close()
		defer func() {
			again, failed := lab.Listen(port.Protocol, port.Number)
			if failed == nil {
				s.services[port] = again
			}
			err = errors.Join(err, failed)
		}()
	}
	for _, protocol := range []string{"tcp", "udp"} {
		for _, family := range families {
			if len(ports[protocol]) == 0 || family == 6 && !s.profile.Policy.IPv6 {
				continue
			}
			answers, err := s.answersOf(ctx, protocol, family, ports[protocol], prober.Packet{})
			if err != nil {
				return err
			}
			f.note(fmt.Sprintf("%s %s over IPv%d", protocol, portList(ports[protocol]), family), none(answers))
		}
	}
	return nil
}

// none is an error where ports answer that must not.
func none(answers []uint16) error {
	if len(answers) == 0 {
		return nil
	}
	return fmt.Errorf("answers about %s", portList(answers))
}

func (s *scene) proxied(port lab.Port) bool {
	for _, service := range s.profile.Services {
		if service.SynProxy && port.Protocol == "tcp" && has(service, port) {
			return true
		}
	}
	return false
}

// answersOf sends one packet like a customer's first to each port, from an unlisted address,
// and returns the ports that something came back from.
func (s *scene) answersOf(ctx context.Context, protocol string, family int, ports []uint16, like prober.Packet) (answers []uint16, err error) {
	from := s.newcomer(family)
	states, err := s.prober.Do(ctx, prober.Sweep{
		To: server(family), Ports: ports, Wait: 300 * time.Millisecond,
		Packet: func(to netip.AddrPort) prober.Packet {
			p := like
			p.From, p.To, p.Maker = netip.AddrPortFrom(from, sourcePort), to, prober.Linux
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
