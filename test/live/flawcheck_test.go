package live

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// flaw is something that a set of rules gets wrong, and that ours get right. One
// try is made with both: a try that never finds the flaw proves nothing.
type flaw struct {
	name string
	// shows makes the try and reports whether the flaw was seen, and in numbers.
	shows func(t *testing.T, s scenario) (seen bool, what string)
}

// rulesHave finds every flaw with rules that others use, or that one would write
// at first: a command a line, for one family. A flaw is one of the rules, and
// the same with both backends.
func rulesHave(t *testing.T, rules string, of family, flaws []flaw) {
	t.Run("theirs", func(t *testing.T) {
		bare(t, "nft")
		serve(t)
		for line := range strings.Lines(rules) {
			tool(t, line)
		}
		scenario{way: "INPUT"}.try(t, flaws, of)
	})
}

// profileHasNone finds none of the flaws with a profile.
func profileHasNone(t *testing.T, backends []string, profile string, flaws []flaw, of ...family) {
	for _, backend := range backends {
		t.Run(backend, func(t *testing.T) {
			bare(t, backend)
			serve(t)
			expect(t, 0, "apply", write(t, "ours.toml", profile), "--auto-approve", "--confirm-within", "0", "--no-guard")
			scenario{way: "HARDENCTL-INPUT", ours: true}.try(t, flaws, of...)
		})
	}
}

// try makes one try after the other, but each for all families at once.
func (s scenario) try(t *testing.T, flaws []flaw, families ...family) {
	s.hosts = &hosts{network: lab.NewNetwork(t)}
	for _, flaw := range flaws {
		t.Run(flaw.name, func(t *testing.T) {
			for _, f := range families {
				t.Run(f.server, func(t *testing.T) {
					t.Parallel()
					s := s
					s.family = f
					seen, what := flaw.shows(t, s)
					for try := 1; !seen && !s.ours && try < 3; try++ { // a busy machine is too slow to fill a table
						seen, what = flaw.shows(t, s)
					}
					t.Log(what)
					if seen == s.ours {
						t.Errorf("the flaw is seen: %v, want %v: %s", seen, !s.ours, what)
					}
				})
			}
		})
	}
}

// scenario is a server with one of two sets of rules, by one family.
type scenario struct {
	*hosts
	family
	way  string // the chain that a packet to the server enters first
	ours bool
}

// hosts makes hosts that the server has never seen.
type hosts struct {
	network *lab.Bench
	adding  sync.Mutex
	number  int
}

func (h *hosts) add() *lab.Host {
	h.adding.Lock()
	defer h.adding.Unlock()
	h.number++
	return h.network.Host(fmt.Sprintf("host%d", h.number), fmt.Sprintf("203.0.113.%d", h.number), fmt.Sprintf("2001:db8:bad:%x::5", h.number))
}

// host returns a new host, once its link is up. All that it has sent is an echo
// request or two.
func (s scenario) host(t *testing.T) *lab.Host {
	t.Helper()
	h := s.add()
	lab.Await(t, "an answer to an echo request", func() bool { return echoes(t, h, s.server, 1, "0.2") == 1 })
	return h
}

// of returns the address by which a host speaks to the server.
func (s scenario) of(h *lab.Host) netip.Addr {
	if s.v6 {
		return h.V6()
	}
	return h.V4()
}

// customer is a host that has been here before.
func (s scenario) customer(t *testing.T) *lab.Host {
	t.Helper()
	h := s.host(t)
	reaches(t, h, s.server, 80, 1)
	if s.ours {
		lab.Await(t, "the proof of the source", func() bool { return member(t, "proven", s.of(h)) })
	}
	return h
}

// crowd are SYNs to one port from n sources that are on no host.
func (s scenario) crowd(port, n int) []lab.Segment {
	if !s.v6 {
		return crowd(port, n)
	}
	var all []lab.Segment
	for i := range n {
		all = append(all, syn(netip.AddrFrom16([16]byte{0x3f, 0xff, 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i), 15: 1}), port))
	}
	return all
}

// at is the address of a port of the server.
func (s scenario) at(port int) string { return net.JoinHostPort(s.server, strconv.Itoa(port)) }

// connects is how many of n connections that a host opens at once the server
// answers.
func (s scenario) connects(h *lab.Host, port, n int) int {
	var served atomic.Int64
	var open sync.WaitGroup
	for range n {
		open.Add(1)
		go func() {
			defer open.Done()
			if connect(h, s.server, port) == nil {
				served.Add(1)
			}
		}()
	}
	open.Wait()
	return int(served.Load())
}

// replies is how many of these segments of a host, to a port that nobody
// serves, are answered.
func (s scenario) replies(t *testing.T, h *lab.Host, port int, flags ...uint8) int {
	t.Helper()
	var segments []lab.Segment
	for i, f := range flags {
		packet := syn(s.of(h), port+i)
		packet.Flags = f
		segments = append(segments, packet)
	}
	answers, err := h.Answered(silence/2, segments...)
	must(t, err)
	n := 0
	for _, flags := range answers {
		if flags != 0 {
			n++
		}
	}
	return n
}

// queries is how many of n datagrams to the name server, each of a flow of its
// own, come back. Where all must, it has Patience.
func (s scenario) queries(t *testing.T, h *lab.Host, n int, all bool) int {
	t.Helper()
	var flows []net.Conn
	for range n {
		c, err := h.Dial("udp", s.at(53), lab.Patience)
		must(t, err)
		defer c.Close()
		_, err = c.Write([]byte("query"))
		must(t, err)
		flows = append(flows, c)
	}
	answered, last := 0, time.Now().Add(silence)
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

// meanwhile does something while something else is done again and again.
func meanwhile(t *testing.T, again func() error, does func()) {
	t.Helper()
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := again(); err != nil {
				stopped <- err
				return
			}
		}
	}()
	does()
	close(stop)
	must(t, <-stopped)
}

// ofTotal tells a number of a total.
func ofTotal(n, total int) string { return fmt.Sprintf("%d of %d", n, total) }
