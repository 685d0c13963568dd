package attack

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// everyNumber is 0 to 65,535. It is made when it is asked for: each command would make it.
var everyNumber = sync.OnceValue(func() []uint16 {
	numbers := make([]uint16, 1<<16)
	for i := range numbers {
		numbers[i] = uint16(i)
	}
	return numbers
})

// everyPort is all 65,536, in an order that no counting of neighbours sees
// through: the step has no factor in common with their number.
var everyPort = sync.OnceValue(func() []uint16 {
	ports := make([]uint16, 1<<16)
	for i := range ports {
		ports[i] = uint16(i * 40503)
	}
	return ports
})

// maps draws the map of both families, side by side, for each of the views.
func (s *scene) maps(ctx context.Context, views ...result.View) ([]result.Map, error) {
	var all []result.Map
	for _, view := range views {
		drawn := make([]result.Map, len(network.Families))
		err := network.InBoth(func(i, family int) (err error) {
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
func (s *scene) drawMap(ctx context.Context, view result.View, family int) (result.Map, error) {
	source := func(port uint16) netip.Addr { return s.Fresh.Number(port, family) }
	if view == result.Single {
		one := s.Unlisted.Number(s.Unlisted.Next(), family)
		source = func(uint16) netip.Addr { return one }
	}
	local := uint16(network.SourcePort)
	if view == result.Before {
		local = network.SourcePortBefore
	}
	p, err := s.NewProber()
	if err != nil {
		return result.Map{}, err
	}
	defer p.Close()
	m := result.Map{View: view, Family: family, Start: s.Now()}
	states, err := p.Do(ctx, prober.Sweep{
		To: network.Server(family), Ports: everyPort(), Rounds: 2, Wait: 300 * time.Millisecond,
		Packet: func(to netip.AddrPort) prober.Packet {
			return prober.Packet{From: netip.AddrPortFrom(source(to.Port()), local), To: to, Flags: prober.SYN}
		},
	})
	if err != nil {
		return m, err
	}
	m.End = s.Now()
	if s.bans != nil && view == result.Single {
		m.BannedAt = s.Since(s.bans.at(source(0)))
	}
	readMap(&m, states)
	return m, nil
}

// readMap takes over what a sweep found.
func readMap(m *result.Map, states *[1 << 16]prober.State) {
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
