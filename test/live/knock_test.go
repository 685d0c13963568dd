package live

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// doors is a server with two doors: SSH behind one that the office need not
// knock at, a database and its console behind another.
const doors = `version = 1

[access]
admin = ["198.51.100.5", "2001:db8:10::5"]
exempt = ["66.249.64.0/27", "2001:4860:4801:10::/64"]

[services.http]
ports = ["tcp/80"]

[services.ssh]
ports = ["tcp/22", "tcp/2222"]
from = ["198.51.100.64/26", "2001:db8:11::/64"]
knock = "front-door"

[services.database]
ports = ["tcp/5432", "tcp/8080"]
admin = true
knock = "back-door"

[knocks.front-door]
sequence = ["tcp/7000", "udp/8000", "tcp/6000"]
step = "30s"
open = "2m"

# One port twice, and two neighbours.
[knocks.back-door]
sequence = ["udp/3001", "tcp/3000", "udp/3001", "udp/3002"]
step = "30s"
open = "1m"

[scan]
probes = 10
window = "1h"
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

// knocker is a host that knocks, in one family.
type knocker struct {
	*lab.Host
	server string
}

// knockNetwork is a server with doors, and makes clients that it does not know.
type knockNetwork struct {
	network  *lab.Bench
	knockers int
}

func newKnockNetwork(t *testing.T, backend, profile string) *knockNetwork {
	t.Helper()
	bare(t, backend)
	for _, port := range []int{22, 80, 5432, 8080} {
		lab.Serve(t, "tcp", port)
	}
	expect(t, 0, "apply", write(t, "doors.toml", profile), "--auto-approve", "--confirm-within", "0", "--no-guard")
	return &knockNetwork{network: lab.NewNetwork(t)}
}

func (h *knockNetwork) knocker(family int) knocker {
	h.knockers++
	name := fmt.Sprintf("knocker%d", h.knockers)
	if family == 6 {
		return knocker{h.network.Host(name, fmt.Sprintf("2001:db8:2:%x::2", h.knockers)), lab.ServerV6}
	}
	return knocker{h.network.Host(name, fmt.Sprintf("203.0.113.%d", h.knockers)), lab.ServerV4}
}

// address is the knocker's own.
func (g knocker) address() netip.Addr {
	if g.server == lab.ServerV6 {
		return g.V6()
	}
	return g.V4()
}

// entry is the knocker in a set of a door.
func (g knocker) entry(set string) setEntry {
	if g.server == lab.ServerV6 {
		return setEntry{"hardenctl-" + set + "-v6", g.V6().String()}
	}
	return setEntry{"hardenctl-" + set + "-v4", g.V4().String()}
}

// sends sends a packet to each port, from ports of the knocker that it chooses
// itself, and as fast as they come to be: a SYN, or a datagram.
func (g knocker) sends(t *testing.T, ports ...string) {
	t.Helper()
	for _, port := range ports {
		network, number, _ := strings.Cut(port, "/")
		address := net.JoinHostPort(g.server, number)
		if network == "tcp" {
			accepted, err := g.Knock(address, 50*time.Millisecond)
			if err != nil || accepted {
				t.Errorf("%s is answered, or was not sent: %v", port, err)
			}
			continue
		}
		c, err := g.Dial(network, address, lab.Patience)
		must(t, err)
		c.Write([]byte("x"))
		c.Close()
	}
}

// reachesOnly checks which of the ports the knocker can connect to.
func (g knocker) reachesOnly(t *testing.T, want ...int) {
	t.Helper()
	ports := []int{22, 5432, 8080}
	errs := make([]error, len(ports))
	var tries sync.WaitGroup
	for i, port := range ports {
		tries.Add(1)
		go func() { defer tries.Done(); errs[i] = connect(g.Host, g.server, port) }()
	}
	tries.Wait()
	var got []int
	for i, err := range errs {
		if err == nil {
			got = append(got, ports[i])
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
			h := newKnockNetwork(t, backend, doors)
			loadedBy(t, backend)
			for _, family := range []int{4, 6} {
				h.isKnockedAt(t, family)
			}
		})
	}
}

// visit is what a knocker sends, and what it reaches then.
type visit struct {
	name  string
	sends []string
	want  []int
}

var visits = []visit{
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

// isKnockedAt lets each visitor come at the same time as the others.
func (h *knockNetwork) isKnockedAt(t *testing.T, family int) {
	for _, v := range visits {
		h.knocker(family).comes(t, v.name, v.by)
	}
	h.knocker(family).comes(t, "too slow", knocker.isTooSlow)
	h.knocker(family).comes(t, "the door closes", knocker.leavesTheDoorOpen)
	h.knocker(family).comes(t, "counted once each", knocker.knocksOften)
	knocks, waits := h.neighbours(family)
	knocks.comes(t, "another profits not", func(g knocker, t *testing.T) { g.knocksBeside(t, waits) })
}

// comes has a knocker do something while others do something else.
func (g knocker) comes(t *testing.T, name string, does func(knocker, *testing.T)) {
	family := 4
	if g.address().Is6() {
		family = 6
	}
	t.Run(fmt.Sprintf("%s/v%d", name, family), func(t *testing.T) {
		t.Parallel()
		connect(g.Host, g.server, 80) // so that no knock waits for the neighbour's answer
		does(g, t)
	})
}

// by is the visit of a knocker.
func (v visit) by(g knocker, t *testing.T) {
	g.sends(t, v.sends...)
	g.reachesOnly(t, v.want...)
	if banned(t, g.address()) {
		t.Error("the knocker is banned")
	}
}

func (g knocker) isTooSlow(t *testing.T) {
	g.sends(t, front[:2]...)
	heard := g.entry("2-front-door")
	if left := heard.left(t); left > 30 {
		t.Errorf("the second knock is heard for %d s, want 30", left)
	}
	heard.runsOut(t)
	g.sends(t, front[2])
	g.reachesOnly(t)
}

// leavesTheDoorOpen holds that an open door closes, that a connection through
// it stays, and that the last knock alone opens it no more.
func (g knocker) leavesTheDoorOpen(t *testing.T) {
	address := net.JoinHostPort(g.server, "2222")
	l, err := net.Listen("tcp", address)
	must(t, err)
	defer l.Close()
	go echo(l)
	g.sends(t, front...)
	c, err := g.DialOnce(netip.AddrPort{}, address)
	must(t, err)
	defer c.Close()
	isOpen(t, c)
	door := g.entry("k-front-door")
	door.shortens(t, 60)
	g.sends(t, front[2])
	if left := door.left(t); left > 60 {
		t.Errorf("the last knock alone keeps the door open for %d s", left)
	}
	door.runsOut(t)
	g.reachesOnly(t)
	isOpen(t, c)
}

// isOpen checks that the server still answers on a connection.
func isOpen(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetDeadline(time.Now().Add(lab.Patience))
	answer := make([]byte, 1)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Error("the connection that was open is gone:", err)
	}
	if _, err := io.ReadFull(c, answer); err != nil {
		t.Error("the connection that was open is gone:", err)
	}
}

// neighbours share a /64, or are side by side.
func (h *knockNetwork) neighbours(family int) (one, other knocker) {
	if family == 4 {
		return h.knocker(family), h.knocker(family)
	}
	return knocker{h.network.Host("here", "2001:db8:3::1"), lab.ServerV6}, knocker{h.network.Host("there", "2001:db8:3::2"), lab.ServerV6}
}

func (g knocker) knocksBeside(t *testing.T, other knocker) {
	g.sends(t, front[:2]...)
	other.sends(t, front[2])
	g.sends(t, front[2])
	other.reachesOnly(t)
	g.reachesOnly(t, 22)
}

// knocksOften sends every port of both doors in all sorts of orders, which is six
// probes, however often; the services behind are three more, and one is free then.
func (g knocker) knocksOften(t *testing.T) {
	for range 3 {
		g.sends(t, "udp/3002", "tcp/6000", "udp/8000", "tcp/3000", "tcp/7000", "udp/3001", "udp/3002", "tcp/3000")
	}
	g.reachesOnly(t)
	g.sends(t, "tcp/100")
	if banned(t, g.address()) {
		t.Error("knocks count more than once")
	}
	g.sends(t, front...)
	g.reachesOnly(t, 22)
	g.sends(t, "tcp/200")
	if !banned(t, g.address()) {
		t.Error("knocks do not count: a scanner with many addresses learns them by what bans none")
	}
	g.sends(t, back...)
	g.reachesOnly(t)
}

// runs runs a program on the knocker and returns what it says.
func (g knocker) runs(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := g.Command(context.Background(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}

// packets is how many packets went from a chain to another.
func packets(t *testing.T, family int, chain, target string) int {
	t.Helper()
	command := "iptables"
	if family == 6 {
		command = "ip6tables"
	}
	sum, leads := 0, false
	for line := range strings.Lines(tool(t, command+" -w -vxnL "+chain)) {
		if words := strings.Fields(line); len(words) > 2 && words[2] == target {
			n, err := strconv.Atoi(words[0])
			must(t, err)
			sum, leads = sum+n, true
		}
	}
	if !leads {
		t.Fatalf("%s does not lead to %s", chain, target)
	}
	return sum
}

// A door is for those who knock at it: others need no knock, or gain nothing.
func TestKnockAccess(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := newKnockNetwork(t, backend, doors)
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
						t.Parallel()
						g := knocker{host, server}
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

// Many sources that know the first knock do not make the server forget another's.
func TestKnockCrowd(t *testing.T) {
	h := newKnockNetwork(t, "nft", doors)
	var addresses []string
	for i := range 150 {
		addresses = append(addresses, fmt.Sprintf("203.0.113.%d", 100+i))
	}
	crowd := h.network.Host("crowd", addresses...)
	honest := h.knocker(4)
	honest.sends(t, "udp/3001", "tcp/3000")
	for _, a := range addresses {
		c, err := crowd.DialFrom(netip.AddrPortFrom(netip.MustParseAddr(a), 0), "udp", honest.server+":3001", lab.Patience)
		must(t, err)
		_, err = c.Write(nil)
		must(t, err)
		must(t, c.Close())
	}
	if n := packets(t, 4, "HARDENCTL-K-BACK-DOOR", "HARDENCTL-1-BACK-DOOR"); n != 151 {
		t.Errorf("%d first knocks came, want 151", n)
	}
	honest.sends(t, "udp/3001", "udp/3002")
	honest.reachesOnly(t, 5432, 8080)
}
