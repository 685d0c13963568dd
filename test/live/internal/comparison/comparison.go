// Package comparison makes the same attempts with rules that others use, where a flaw
// must show, and with a profile, where it must not.
package comparison

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// Flaw is something that a set of rules gets wrong, and that ours get right. One
// try is made with both: a try that never finds the flaw proves nothing.
type Flaw struct {
	Name string
	// Shows makes the try and reports whether the flaw was seen, and in numbers.
	Shows func(t *testing.T, s Scenario) (seen bool, what string)
}

// Try makes one try after the other, but each for all families at once.
func (s Scenario) Try(t *testing.T, flaws []Flaw, families ...traffic.Family) {
	s.Hosts = &Hosts{Network: lab.NewNetwork(t)}
	for _, flaw := range flaws {
		t.Run(flaw.Name, func(t *testing.T) {
			for _, f := range families {
				t.Run(f.Server, func(t *testing.T) {
					t.Parallel()
					s := s
					s.Family = f
					seen, what := flaw.Shows(t, s)
					for try := 1; !seen && !s.Ours && try < 3; try++ { // a busy machine is too slow to fill a table
						seen, what = flaw.Shows(t, s)
					}
					t.Log(what)
					if seen == s.Ours {
						t.Errorf("the flaw is seen: %v, want %v: %s", seen, !s.Ours, what)
					}
				})
			}
		})
	}
}

// Scenario is a server with one of two sets of rules, by one family.
type Scenario struct {
	*Hosts
	traffic.Family
	Way  string // the chain that a packet to the server enters first
	Ours bool
}

// Host returns a new host, once its link is up. All that it has sent is an echo
// request or two.
func (s Scenario) Host(t *testing.T) *lab.Host {
	t.Helper()
	h := s.add()
	lab.Await(t, "an answer to an echo request", func() bool { return traffic.Echoes(t, h, s.Server, 1, "0.2") == 1 })
	return h
}

// Of returns the address by which a host speaks to the server.
func (s Scenario) Of(h *lab.Host) netip.Addr {
	if s.V6 {
		return h.V6()
	}
	return h.V4()
}

// Customer is a host that has been here before.
func (s Scenario) Customer(t *testing.T) *lab.Host {
	t.Helper()
	h := s.Host(t)
	traffic.Reaches(t, h, s.Server, 80, 1)
	if s.Ours {
		lab.Await(t, "the proof of the source", func() bool { return banset.Member(t, "proven", s.Of(h)) })
	}
	return h
}

// Crowd are SYNs to one port from n sources that are on no host.
func (s Scenario) Crowd(port, n int) []lab.Segment {
	if !s.V6 {
		return traffic.Crowd(port, n)
	}
	var all []lab.Segment
	for i := range n {
		all = append(all, traffic.SYN(netip.AddrFrom16([16]byte{0x3f, 0xff, 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i), 15: 1}), port))
	}
	return all
}

// At is the address of a port of the server.
func (s Scenario) At(port int) string { return net.JoinHostPort(s.Server, strconv.Itoa(port)) }

// Connects is how many of n connections that a host opens at once the server
// answers.
func (s Scenario) Connects(h *lab.Host, port, n int) int {
	var served atomic.Int64
	var open sync.WaitGroup
	for range n {
		open.Add(1)
		go func() {
			defer open.Done()
			if traffic.Connect(h, s.Server, port) == nil {
				served.Add(1)
			}
		}()
	}
	open.Wait()
	return int(served.Load())
}

// Replies is how many of these segments of a host, to a port that no program
// serves, are answered.
func (s Scenario) Replies(t *testing.T, h *lab.Host, port int, flags ...uint8) int {
	t.Helper()
	var segments []lab.Segment
	for i, f := range flags {
		packet := traffic.SYN(s.Of(h), port+i)
		packet.Flags = f
		segments = append(segments, packet)
	}
	answers, err := h.Answered(traffic.Silence/2, segments...)
	require.NoError(t, err)
	n := 0
	for _, flags := range answers {
		if flags != 0 {
			n++
		}
	}
	return n
}

// Queries is how many of n datagrams to the name server, each of a flow of its
// own, come back. Where all must, it has Patience.
func (s Scenario) Queries(t *testing.T, h *lab.Host, n int, all bool) int {
	t.Helper()
	var flows []net.Conn
	for range n {
		c, err := h.Dial("udp", s.At(53), lab.Patience)
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write([]byte("query"))
		require.NoError(t, err)
		flows = append(flows, c)
	}
	answered, last := 0, time.Now().Add(traffic.Silence)
	if all {
		last = time.Now().Add(lab.Patience)
	}
	for _, c := range flows {
		c.SetReadDeadline(last)
		if _, err := c.Read(make([]byte, 64)); err == nil {
			answered++
		}
	}
	return answered
}

// Hosts makes hosts that the server has never seen.
type Hosts struct {
	Network *lab.Bench
	adding  sync.Mutex
	number  int
}

func (h *Hosts) add() *lab.Host {
	h.adding.Lock()
	defer h.adding.Unlock()
	h.number++
	return h.Network.Host(fmt.Sprintf("host%d", h.number), fmt.Sprintf("203.0.113.%d", h.number), fmt.Sprintf("2001:db8:bad:%x::5", h.number))
}
