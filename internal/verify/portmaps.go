package verify

import (
	"context"
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/prober"
)

// sourcePort is that of every probe: high, since UDP from a port below 1024
// counts as a late answer. The map from before the firewall has another: what
// it left half open goes on, as connections should when rules come, and would
// show as open afterwards.
const (
	sourcePort       = 51234
	sourcePortBefore = 41234
)

// everyNumber is 0 to 65,535.
var everyNumber = func() []uint16 {
	numbers := make([]uint16, 1<<16)
	for i := range numbers {
		numbers[i] = uint16(i)
	}
	return numbers
}()

// everyPort is all 65,536, in an order that no counting of neighbours sees
// through: the step has no factor in common with their number.
var everyPort = func() []uint16 {
	ports := make([]uint16, 1<<16)
	for i := range ports {
		ports[i] = uint16(i * 40503)
	}
	return ports
}()

// maps draws the map of both families, side by side, for each of the views.
func (s *scene) maps(ctx context.Context, views ...View) ([]Map, error) {
	var all []Map
	for _, view := range views {
		drawn := make([]Map, len(families))
		err := inBoth(func(i, family int) (err error) {
			drawn[i], err = s.drawMap(ctx, view, family)
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, drawn...)
	}
	return all, nil
}

// drawMap asks every port with the SYN of an ordinary client.
func (s *scene) drawMap(ctx context.Context, view View, family int) (Map, error) {
	source := func(port uint16) netip.Addr { return s.fresh.number(port, family) }
	if view == Single {
		one := s.unlisted.number(s.unlisted.next(), family)
		source = func(uint16) netip.Addr { return one }
	}
	local := uint16(sourcePort)
	if view == Before {
		local = sourcePortBefore
	}
	p, err := s.newProber()
	if err != nil {
		return Map{}, err
	}
	defer p.Close()
	m := Map{View: view, Family: family, Start: s.now()}
	states, err := p.Do(ctx, prober.Sweep{
		To: server(family), Ports: everyPort, Rounds: 2, Wait: 300 * time.Millisecond,
		Packet: func(to netip.AddrPort) prober.Packet {
			return prober.Packet{From: netip.AddrPortFrom(source(to.Port()), local), To: to, Flags: prober.SYN}
		},
	})
	if err != nil {
		return m, err
	}
	m.End = s.now()
	if s.bans != nil && view == Single {
		m.BannedAt = s.since(s.bans.at(source(0)))
	}
	m.read(states)
	return m, nil
}

// read takes over what a sweep found.
func (m *Map) read(states *[1 << 16]prober.State) {
	m.Open, m.Closed = []uint16{}, [][2]uint16{}
	for i, state := range states {
		port := uint16(i)
		switch state {
		case prober.Open:
			m.Counts.Open++
			m.Open = append(m.Open, port)
		case prober.Closed:
			m.Counts.Closed++
			if n := len(m.Closed); n > 0 && m.Closed[n-1][1]+1 == port {
				m.Closed[n-1][1] = port
			} else {
				m.Closed = append(m.Closed, [2]uint16{port, port})
			}
		default:
			m.Counts.Silent++
		}
	}
}
