package verify

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"hardenctl/compiler/profile"
	"hardenctl/host/knock"
	"hardenctl/lab"
	"hardenctl/verify/prober"
)

// knockAll knocks at every door: wrongly, by a scan of all ports, and rightly,
// as `hardenctl knock` does.
func (s *scene) knockAll(ctx context.Context, r *Report) error {
	if r.Doors = doors(s.profile); len(r.Doors) == 0 {
		return nil
	}
	s.progress("knocking at the doors: wrongly, at every port, and rightly")
	for _, family := range families {
		sweeper, start := s.strangers.number(s.strangers.next(), family), s.now()
		if err := s.sweepPast(ctx, sweeper); err != nil {
			return err
		}
		for i := range r.Doors {
			d := &r.Doors[i]
			if err := s.checkDoor(ctx, d, "every port, TCP and UDP", sweeper, start); err != nil {
				return err
			}
			if err := s.knockWrongly(ctx, d, family); err != nil {
				return err
			}
			if err := s.knockRightly(ctx, d, family); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkDoor notes whether a source that should not gets through a door.
func (s *scene) checkDoor(ctx context.Context, d *Door, name string, from netip.Addr, start float64) error {
	opened, err := s.passes(ctx, s.prober, d, from, sourcePort)
	d.try(name, familyOf(from), false, opened > 0, start, s.now())
	return err
}

// knockWrongly tries what must not open a door, each from a stranger of its own.
func (s *scene) knockWrongly(ctx context.Context, d *Door, family int) error {
	stray := profile.Port{Protocol: profile.TCP, First: s.unserved("tcp", 1)[0]}
	for _, wrong := range wrongKnocks(d.knock.Sequence, stray) {
		from, start := s.strangers.number(s.strangers.next(), family), s.now()
		if err := sendKnocks(s.prober, from, wrong.ports); err != nil {
			return err
		}
		if err := s.checkDoor(ctx, d, wrong.name, from, start); err != nil {
			return err
		}
	}
	return nil
}

// knockRightly knocks with the client, from a host of its own, and uses what is
// behind the door.
func (s *scene) knockRightly(ctx context.Context, d *Door, family int) error {
	var sequence []knock.Port
	for _, p := range d.knock.Sequence {
		sequence = append(sequence, knock.Port{Network: string(p.Protocol), Number: p.First})
	}
	from, start := via(s.knocker.host, family), s.now()
	err := s.knocker.host.Do(func() error { return knock.Send(ctx, server(family), sequence, knock.MinDelay) })
	if err != nil {
		return err
	}
	opened := true
	for _, port := range d.calls {
		opened = opened && call(s.knocker.host, from, port) == nil
	}
	d.try("hardenctl knock", family, s.answers(family), opened, start, s.now())
	return nil
}

// answers reports whether anything is open over a family at all.
func (s *scene) answers(family int) bool { return family == 4 || s.profile.Policy.IPv6 }

// passes returns how many of the ports behind a door answer a source. A second
// look comes from another port, since what a first one left half open goes on.
func (s *scene) passes(ctx context.Context, p *prober.Prober, d *Door, from netip.Addr, local uint16) (n int, err error) {
	for _, protocol := range []string{"tcp", "udp"} {
		ports := numbers(d.calls, protocol)
		if len(ports) == 0 {
			continue
		}
		states, err := p.Do(ctx, prober.Sweep{
			To: server(familyOf(from)), Ports: ports, Rounds: 2, Wait: 200 * time.Millisecond,
			Packet: func(to netip.AddrPort) prober.Packet {
				return prober.Packet{From: netip.AddrPortFrom(from, local), To: to, UDP: protocol == "udp", Flags: prober.SYN}
			},
		})
		if err != nil {
			return n, err
		}
		for _, state := range states {
			if state == prober.Open {
				n++
			}
		}
	}
	return n, nil
}

// numbers returns the ports of one protocol.
func numbers(ports []lab.Port, protocol string) (list []uint16) {
	for _, p := range ports {
		if p.Protocol == protocol {
			list = append(list, uint16(p.Number))
		}
	}
	return list
}

// sendKnocks sends one packet to each port, as an ordinary client does.
func sendKnocks(p *prober.Prober, from netip.Addr, ports []profile.Port) error {
	for _, port := range ports {
		to := netip.AddrPortFrom(server(familyOf(from)), port.First)
		packet := prober.Packet{From: netip.AddrPortFrom(from, sourcePort), To: to, UDP: port.Protocol == profile.UDP, Flags: prober.SYN}
		if err := p.Send(packet); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

// sweepPast sends a packet to every port, TCP and UDP: counting up over IPv4,
// and down over IPv6.
func (s *scene) sweepPast(ctx context.Context, from netip.Addr) error {
	ports := slices.Clone(everyNumber)
	if from.Is6() {
		slices.Reverse(ports)
	}
	return s.prober.SendAll(ctx, func(yield func(prober.Packet) bool) {
		for _, port := range ports {
			packet := prober.Packet{From: netip.AddrPortFrom(from, sourcePort), To: netip.AddrPortFrom(server(familyOf(from)), port), Flags: prober.SYN}
			if !yield(packet) {
				return
			}
			packet.UDP = true
			if !yield(packet) {
				return
			}
		}
	})
}

// familyOf returns 4 or 6.
func familyOf(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}
