package live

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hardenctl/lab"
)

// doors is a server with two doors: SSH behind one that the office need not
// knock at, a database and its console behind another. The steps are short, so
// that a test can be too slow without waiting for long.
const doors = `version = 1

[access]
admin = ["198.51.100.5", "2001:db8:10::5"]
exempt = ["66.249.64.0/27", "2001:4860:4801:10::/64"]

[services.http]
ports = ["tcp/80"]

[services.ssh]
ports = ["tcp/22"]
from = ["198.51.100.64/26", "2001:db8:11::/64"]
knock = "front-door"

[services.database]
ports = ["tcp/5432", "tcp/8080"]
admin = true
knock = "back-door"

[knocks.front-door]
sequence = ["tcp/7000", "udp/8000", "tcp/6000"]
step = "2s"
open = "4s"

# One port twice, and two neighbours.
[knocks.back-door]
sequence = ["udp/3001", "tcp/3000", "udp/3001", "udp/3002"]
step = "2s"
open = "1m"

[scan]
probes = 10
ban = "1h"
scope = "everything"
stealth = true

[log]
rate = "1000/second burst 1000"
`

// front and back are the sequences of the doors.
var (
	front = []string{"tcp/7000", "udp/8000", "tcp/6000"}
	back  = []string{"udp/3001", "tcp/3000", "udp/3001", "udp/3002"}
)

// guest is a host that knocks, in one family.
type guest struct {
	*lab.Host
	server string
}

// house is a server with doors, and a maker of guests whom it does not know.
type house struct {
	network *lab.Bench
	guests  int
}

func newHouse(t *testing.T, backend, profile string) *house {
	t.Helper()
	bare(t, backend)
	for _, port := range []int{22, 80, 5432, 8080} {
		lab.Serve(t, "tcp", port)
	}
	expect(t, 0, "apply", write(t, "doors.toml", profile), "--auto-approve")
	return &house{network: lab.NewNetwork(t)}
}

func (h *house) guest(family int) guest {
	h.guests++
	name := fmt.Sprintf("guest%d", h.guests)
	if family == 6 {
		return guest{h.network.Host(name, fmt.Sprintf("2001:db8:2:%x::2", h.guests)), lab.ServerV6}
	}
	return guest{h.network.Host(name, fmt.Sprintf("203.0.113.%d", h.guests)), lab.ServerV4}
}

// address is the guest's own.
func (g guest) address() netip.Addr {
	if g.server == lab.ServerV6 {
		return g.V6()
	}
	return g.V4()
}

// sends sends a packet to each port, from ports of the guest that it chooses
// itself, and as fast as they come to be: a SYN, or a datagram.
func (g guest) sends(t *testing.T, ports ...string) {
	t.Helper()
	for _, port := range ports {
		network, number, _ := strings.Cut(port, "/")
		c, err := g.Dial(network, net.JoinHostPort(g.server, number), 50*time.Millisecond)
		if err != nil {
			continue // nobody answers a knock
		}
		if network == "tcp" {
			t.Errorf("%s is answered", port)
		}
		c.Write([]byte("x"))
		c.Close()
	}
}

// reachesOnly checks which of the ports the guest can connect to.
func (g guest) reachesOnly(t *testing.T, want ...int) {
	t.Helper()
	var got []int
	for _, port := range []int{22, 5432, 8080} {
		if connect(g.Host, g.server, port) == nil {
			got = append(got, port)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("reaches %v, want %v", got, want)
	}
}

// The right ports in the right order open the services of one door to one
// address for a while, and nothing else does.
func TestKnock(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := newHouse(t, backend, doors)
			loadedBy(t, backend)
			for _, family := range []int{4, 6} {
				t.Run(fmt.Sprintf("v%d", family), func(t *testing.T) { h.isKnockedAt(t, family) })
			}
		})
	}
}

// visits are what a guest sends, and what it reaches then.
var visits = []struct {
	name  string
	sends []string
	want  []int
}{
	{"nothing", nil, nil},
	{"the front door", front, []int{22}},
	{"the back door, to several ports", back, []int{5432, 8080}},
	{"both, one after the other", slices.Concat(front, back), []int{22, 5432, 8080}},
	{"every knock three times", []string{"tcp/7000", "tcp/7000", "tcp/7000", "udp/8000", "udp/8000", "udp/8000", "tcp/6000", "tcp/6000", "tcp/6000"}, []int{22}},
	{"an early knock once more, late", []string{"tcp/7000", "udp/8000", "tcp/7000", "tcp/6000"}, []int{22}},
	{"again after a wrong one", slices.Concat([]string{"tcp/7000", "udp/8000", "tcp/1"}, front), []int{22}},
	{"the wrong order", []string{"tcp/7000", "tcp/6000", "udp/8000"}, nil},
	{"backwards", []string{"tcp/6000", "udp/8000", "tcp/7000"}, nil},
	{"the last port alone", []string{"tcp/6000", "tcp/6000"}, nil},
	{"one too few", front[1:], nil},
	{"another protocol", []string{"tcp/7000", "tcp/8000", "tcp/6000"}, nil},
	{"a port between", []string{"tcp/7000", "udp/8000", "tcp/6001", "tcp/6000"}, nil},
	{"a port between, of a hidden service", []string{"tcp/7000", "tcp/22", "udp/8000", "tcp/6000"}, nil},
	{"a port between, of the other door", []string{"udp/3001", "tcp/3000", "udp/3001", "tcp/6000", "udp/3002"}, nil},
	{"the port that stands twice, once", []string{"udp/3001", "tcp/3000", "udp/3002"}, nil},
}

func (h *house) isKnockedAt(t *testing.T, family int) {
	for _, v := range visits {
		t.Run(v.name, func(t *testing.T) {
			g := h.guest(family)
			g.sends(t, v.sends...)
			g.reachesOnly(t, v.want...)
			if banned(t, g.address()) {
				t.Error("the guest is banned")
			}
		})
	}
	t.Run("too slow", func(t *testing.T) { t.Parallel(); h.guest(family).isTooSlow(t) })
	t.Run("the door closes", func(t *testing.T) { t.Parallel(); h.guest(family).leavesTheDoorOpen(t) })
	t.Run("another profits not", func(t *testing.T) { h.neighbours(t, family) })
	t.Run("not counted", func(t *testing.T) { h.guest(family).knocksOften(t) })
}

func (g guest) isTooSlow(t *testing.T) {
	g.sends(t, front[:2]...)
	time.Sleep(2500 * time.Millisecond)
	g.sends(t, front[2])
	g.reachesOnly(t)
}

// leavesTheDoorOpen holds that an open door closes, that a connection through
// it stays, and that the last knock alone opens it no more.
func (g guest) leavesTheDoorOpen(t *testing.T) {
	g.sends(t, front...)
	c, err := g.Dial("tcp", net.JoinHostPort(g.server, "22"), time.Second)
	must(t, err)
	defer c.Close()
	_, err = bufio.NewReader(c).ReadString('\n')
	must(t, err)
	g.sends(t, front[2])
	time.Sleep(4500 * time.Millisecond)
	g.reachesOnly(t)
	g.sends(t, front[2])
	g.reachesOnly(t)
	if !isOpen(c) {
		t.Error("the connection that was open is gone")
	}
}

// isOpen sends a byte and finds out whether the server's host has taken it: a
// packet that is dropped stays in the queue.
func isOpen(c net.Conn) bool {
	if _, err := c.Write([]byte("x")); err != nil {
		return false
	}
	time.Sleep(500 * time.Millisecond)
	return unacknowledged(c) == 0
}

// neighbours share a /64, or stand side by side.
func (h *house) neighbours(t *testing.T, family int) {
	knocks, waits := h.guest(family), h.guest(family)
	if family == 6 {
		knocks = guest{h.network.Host("here", "2001:db8:3::1"), lab.ServerV6}
		waits = guest{h.network.Host("there", "2001:db8:3::2"), lab.ServerV6}
	}
	knocks.sends(t, front[:2]...)
	waits.sends(t, front[2])
	knocks.sends(t, front[2])
	waits.reachesOnly(t)
	knocks.reachesOnly(t, 22)
}

// knocksOften sends every port of both doors in all sorts of orders, and a few
// probes fewer than are free.
func (g guest) knocksOften(t *testing.T) {
	for range 3 {
		g.sends(t, "udp/3002", "tcp/6000", "udp/8000", "tcp/3000", "tcp/7000", "udp/3001", "udp/3002", "tcp/3000")
	}
	for port := range 7 {
		g.sends(t, fmt.Sprintf("tcp/%d", 100+port))
	}
	g.reachesOnly(t) // three more ports
	if banned(t, g.address()) {
		t.Error("knocks count as probes")
	}
	g.sends(t, front...)
	g.reachesOnly(t, 22)
	g.sends(t, "tcp/200", "tcp/201")
	if !banned(t, g.address()) {
		t.Error("eleven probes are free")
	}
	g.sends(t, back...)
	g.reachesOnly(t)
}

// A scan of all ports opens no door, whatever its order.
func TestSweep(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			// Nobody is banned, so that the door alone must hold; and it stays
			// open long enough to be found open afterwards.
			h := newHouse(t, backend, strings.NewReplacer("probes = 10\nban = \"1h\"\nscope = \"everything\"\n", "", `open = "4s"`, `open = "10m"`).Replace(doors))
			for _, family := range []int{4, 6} {
				for _, order := range []string{"up", "down", "random"} {
					t.Run(fmt.Sprintf("%s/v%d", order, family), func(t *testing.T) {
						g := h.guest(family)
						g.sweeps(t, order)
						g.reachesOnly(t)
						g.sends(t, front...)
						g.reachesOnly(t, 22)
					})
				}
			}
		})
	}
}

// A door is for those who knock at it: others need no knock, or gain nothing.
func TestKnockAccess(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := newHouse(t, backend, doors)
			for _, who := range []struct {
				name, v4, v6 string
				before       []int // what they reach without a knock
				after        []int // and after knocking at the front door
			}{
				{"listed", "198.51.100.70", "2001:db8:11::70", []int{22}, []int{22}},
				{"admin", "198.51.100.5", "2001:db8:10::5", []int{5432, 8080}, []int{22, 5432, 8080}},
				{"exempt", "66.249.64.5", "2001:4860:4801:10::5", nil, []int{22}},
			} {
				host := h.network.Host(who.name, who.v4, who.v6)
				for _, server := range []string{lab.ServerV4, lab.ServerV6} {
					t.Run(who.name+"/"+server, func(t *testing.T) {
						g := guest{host, server}
						g.reachesOnly(t, who.before...)
						g.sends(t, front...)
						g.reachesOnly(t, who.after...)
						reaches(t, host, server, 80, 1)
					})
				}
			}
		})
	}
}
