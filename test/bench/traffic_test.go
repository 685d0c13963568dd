package bench

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

const (
	// slice is how long one server is measured at a time. It is short, so that
	// what else the machine does hits all servers of a round alike.
	slice = 80 * time.Millisecond
	// rounds is odd, so that the median is one of the values.
	rounds = 81
)

// street is a network of servers side by side, each a host of the lab with a
// firewall of its own, and a client that has many addresses. Nothing is loaded
// or flushed between two measurements: another address is another firewall.
type street struct {
	*lab.Bench
	b      *testing.B
	load   string // the built program
	client *lab.Host
	pids   map[*lab.Host]int // of what answers on a server
}

func newStreet(b *testing.B) *street {
	s := &street{Bench: lab.NewNetwork(b), b: b, load: filepath.Join(b.TempDir(), "load"), pids: map[*lab.Host]int{}}
	run(b, "go", "build", "-o", s.load, "./load")
	s.client = s.Host("client", "192.0.2.2/24", "2001:db8::2/64")
	s.on(s.client, "ip", "route", "add", "local", "10.64.0.0/16", "dev", "lo")
	// Ports of connections that have ended are taken again after a second.
	s.on(s.client, "sysctl", "-q", "-w", "net.ipv4.tcp_tw_reuse=1")
	return s
}

// server adds a server that answers requests, without a firewall yet.
func (s *street) server(name string) *lab.Host {
	number := 10 + len(s.pids)
	h := s.Host(name, fmt.Sprintf("192.0.2.%d/24", number), fmt.Sprintf("2001:db8::%d/64", number))
	s.on(h, "ip", "route", "add", "default", "via", s.client.V4().String())
	s.on(h, "ip", "-6", "route", "add", "default", "via", s.client.V6().String())
	serve := h.Command(context.Background(), s.load, "serve")
	if err := serve.Start(); err != nil {
		s.b.Fatal(err)
	}
	s.pids[h] = serve.Process.Pid // ip gives way to what it starts
	s.b.Cleanup(func() { serve.Process.Kill(); serve.Wait() })
	s.await(h)
	return h
}

// await waits until a server listens.
func (s *street) await(h *lab.Host) {
	for range 100 {
		if c, err := s.client.Dial("tcp", h.V4().String()+":443", time.Second); err == nil {
			c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.b.Fatalf("%s does not listen", h.Name())
}

// on runs a program on a host to its end and returns what it printed.
func (s *street) on(h *lab.Host, name string, args ...string) string {
	return s.fed(h, "", name, args...)
}

// fed is on with a text for the program to read.
func (s *street) fed(h *lab.Host, input, name string, args ...string) string {
	cmd := h.Command(context.Background(), name, args...)
	var words strings.Builder
	cmd.Stdin, cmd.Stderr = strings.NewReader(input), &words
	out, err := cmd.Output()
	if err != nil {
		s.b.Fatalf("%s: %s %q: %v: %s%s", h.Name(), name, args, err, out, &words)
	}
	return string(out)
}

// speed is what went by in a second, and in a second of processor time.
type speed struct{ wall, work float64 }

// race makes one kind of traffic to all servers in turn, round after round, and
// returns the speeds of each. A kind that ends in "6", as "null6" does, goes over IPv6.
func (s *street) race(kind string, slice time.Duration, rounds int, servers ...*lab.Host) map[string][]speed {
	traffic, six := strings.CutSuffix(kind, "6")
	args := []string{"race", traffic, slice.String(), strconv.Itoa(rounds)}
	for _, h := range servers {
		address := h.V4()
		if six {
			address = h.V6()
		}
		args = append(args, fmt.Sprintf("%s,%s,%d", h.Name(), address, s.pids[h]))
	}
	speeds := map[string][]speed{}
	for line := range strings.Lines(s.on(s.client, s.load, args...)) {
		var name string
		var v speed
		if _, err := fmt.Sscan(line, &name, &v.wall, &v.work); err != nil || v.wall == 0 {
			s.b.Fatalf("%s: %q: %v", kind, line, err)
		}
		speeds[name] = append(speeds[name], v)
	}
	return speeds
}

// compare reports each server's ratio to the base, in two ways: the median of
// what it did by the clock beside the base's slice of the same round; and by
// processor time, the ninth deciles, which the slices come near that no
// other program on the machine has delayed.
func (s *street) compare(b *testing.B, kind string, base *lab.Host, others ...*lab.Host) {
	s.compareIn(b, rounds, kind, base, others...)
}

// compareIn is compare in so many rounds, which are odd.
func (s *street) compareIn(b *testing.B, rounds int, kind string, base *lab.Host, others ...*lab.Host) {
	all := append([]*lab.Host{base}, others...)
	s.race(kind, slice, 3, all...) // warms caches and fills tables
	speeds := s.race(kind, slice, rounds, all...)
	b.ReportMetric(0, "ns/op")
	baseWall, baseWork := split(speeds[base.Name()])
	for _, h := range others {
		wall, work := split(speeds[h.Name()])
		for i := range wall {
			wall[i] /= baseWall[i]
		}
		b.ReportMetric(middle(wall), h.Name()+"-ratio")
		b.ReportMetric(decile(work, 9)/decile(baseWork, 9), h.Name()+"-cpu-ratio")
	}
	b.ReportMetric(middle(baseWall), base.Name()+"/s")
}

// split returns the speeds by the clock and by processor time.
func split(speeds []speed) (wall, work []float64) {
	for _, v := range speeds {
		wall, work = append(wall, v.wall), append(work, v.work)
	}
	return wall, work
}

func decile(values []float64, n int) float64 {
	slices.Sort(values)
	return values[len(values)*n/10]
}

// plainSegments turns segmentation offload off everywhere, so that each packet
// of a stream passes the rules by itself, as from a network.
func (s *street) plainSegments(hosts ...*lab.Host) {
	off := []string{"tso", "off", "gso", "off", "gro", "off"}
	for _, h := range append(hosts, s.client) {
		s.on(h, "ethtool", append([]string{"-K", "eth0"}, off...)...)
	}
	cables, err := net.Interfaces()
	if err != nil {
		s.b.Fatal(err)
	}
	for _, c := range cables {
		if c.Name != "lo" {
			run(s.b, "ethtool", append([]string{"-K", c.Name}, off...)...)
		}
	}
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
