package attack

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/host/knock"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// knockAll knocks at every door over both families: wrongly, by a scan of all
// ports, and rightly, as `hardenctl knock` does.
func (s *scene) knockAll(ctx context.Context, r *result.Report) error {
	for _, d := range doors(s.Profile) {
		r.Doors = append(r.Doors, d.Door)
	}
	if len(r.Doors) == 0 {
		return nil
	}
	s.progress("knocks: wrong sequences, one packet to every port, and right sequences")
	tried := make([][]door, len(network.Families))
	err := network.InBoth(func(i, family int) error {
		tried[i] = doors(s.Profile)
		return s.knockOver(ctx, family, tried[i])
	})
	for i := range r.Doors {
		for _, family := range tried {
			r.Doors[i].Attempts = append(r.Doors[i].Attempts, family[i].Attempts...)
		}
	}
	return err
}

// knocking is the attempts at the doors, over one family.
type knocking struct {
	*scene
	prober *prober.Prober
	family int
}

func (s *scene) knockOver(ctx context.Context, family int, doors []door) error {
	p, err := s.NewProber()
	if err != nil {
		return err
	}
	defer p.Close()
	k := knocking{s, p, family}
	sweeper, start := k.Newcomer(k.family), s.Now()
	if err := k.sweep(ctx, sweeper); err != nil {
		return err
	}
	for i := range doors {
		d := &doors[i]
		if err := k.isShutTo(ctx, d, "every port, TCP and UDP", sweeper, start); err != nil {
			return err
		}
		if err := k.wrongly(ctx, d); err != nil {
			return err
		}
		if err := k.rightly(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// isShutTo notes whether a source that should not gets through a door.
func (k knocking) isShutTo(ctx context.Context, d *door, name string, from netip.Addr, start float64) error {
	opened, err := passes(ctx, k.prober, d.calls, from, network.SourcePort)
	d.Try(name, k.family, false, opened > 0, start, k.Now())
	return err
}

// wrongly tries what must not open a door, each from an unlisted address of its own.
func (k knocking) wrongly(ctx context.Context, d *door) error {
	stray := profile.Port{Protocol: profile.TCP, First: k.Unserved("tcp", 1)[0]}
	for _, wrong := range wrongKnocks(d.knock.Sequence, stray) {
		from, start := k.Newcomer(k.family), k.Now()
		if err := sendKnocks(k.prober, from, wrong.ports); err != nil {
			return err
		}
		if err := k.isShutTo(ctx, d, wrong.name, from, start); err != nil {
			return err
		}
	}
	return nil
}

// rightly knocks with the client, from a host of its own, and uses what is behind
// the door. Where nothing is open over a family, clients have no address of it.
func (k knocking) rightly(ctx context.Context, d *door) error {
	if !k.Answers(k.family) {
		return nil
	}
	var sequence []knock.Port
	for _, p := range d.knock.Sequence {
		sequence = append(sequence, knock.Port{Network: string(p.Protocol), Number: p.First})
	}
	home, start, opened := k.knocker.host, k.Now(), true
	err := home.Do(func() error { return knock.Send(ctx, network.Server(k.family), sequence, knock.MinDelay) })
	if err != nil {
		return err
	}
	for _, port := range d.calls {
		opened = opened && network.Call(home, network.Via(home, k.family), port) == nil
	}
	d.Try("hardenctl knock", k.family, true, opened, start, k.Now())
	return nil
}

// sweep sends a packet to every port, TCP and UDP: counting up over IPv4, and
// down over IPv6.
func (k knocking) sweep(ctx context.Context, from netip.Addr) error {
	ports := slices.Clone(everyNumber())
	if k.family == 6 {
		slices.Reverse(ports)
	}
	return k.prober.SendAll(ctx, func(yield func(prober.Packet) bool) {
		for _, port := range ports {
			packet := ordinaryPacket(from, port)
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

// ordinaryPacket is a SYN to a port of the server, as clients send it.
func ordinaryPacket(from netip.Addr, port uint16) prober.Packet {
	to := netip.AddrPortFrom(network.Server(network.FamilyOf(from)), port)
	return prober.Packet{From: netip.AddrPortFrom(from, network.SourcePort), To: to, Flags: prober.SYN}
}

// passes returns how many of the ports that are behind a door answer a source. A second
// look comes from another port, since what a first one left half open goes on.
func passes(ctx context.Context, p *prober.Prober, calls []lab.Port, from netip.Addr, local uint16) (n int, err error) {
	for _, protocol := range []string{"tcp", "udp"} {
		ports := numbers(calls, protocol)
		if len(ports) == 0 {
			continue
		}
		states, err := p.Do(ctx, prober.Sweep{
			To: network.Server(network.FamilyOf(from)), Ports: ports, Rounds: 2, Wait: 200 * time.Millisecond,
			Packet: func(to netip.AddrPort) prober.Packet {
				return prober.Packet{From: netip.AddrPortFrom(from, local), To: to, UDP: protocol == "udp", Flags: prober.SYN}
			},
		})
		if err != nil {
			return n, err
		}
		for _, port := range ports {
			if states[port] == prober.Open {
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

// sendKnocks sends one packet to each port, with a moment between two, so that
// the network does not put one before the other.
func sendKnocks(p *prober.Prober, from netip.Addr, ports []profile.Port) error {
	for _, port := range ports {
		packet := ordinaryPacket(from, port.First)
		packet.UDP = port.Protocol == profile.UDP
		if err := p.Send(packet); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}
