package knocking

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// Profile is a server with two doors: SSH behind one that the office need not
// knock at, a database and its console behind another.
const Profile = `version = 1

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

// Front and back are the sequences of the doors.
var (
	Front = []string{"tcp/7000", "udp/8000", "tcp/6000"}
	Back  = []string{"udp/3001", "tcp/3000", "udp/3001", "udp/3002"}
)

// Network is a server with doors, and makes clients that it does not know.
type Network struct {
	Network  *lab.Bench
	knockers int
}

// Knocker adds a host that the server has never seen.
func (h *Network) Knocker(family int) Knocker {
	h.knockers++
	name := fmt.Sprintf("knocker%d", h.knockers)
	if family == 6 {
		return Knocker{h.Network.Host(name, fmt.Sprintf("2001:db8:2:%x::2", h.knockers)), lab.ServerV6}
	}
	return Knocker{h.Network.Host(name, fmt.Sprintf("203.0.113.%d", h.knockers)), lab.ServerV4}
}

// Neighbours share a /64, or are side by side.
func (h *Network) Neighbours(family int) (one, other Knocker) {
	if family == 4 {
		return h.Knocker(family), h.Knocker(family)
	}
	return Knocker{h.Network.Host("here", "2001:db8:3::1"), lab.ServerV6}, Knocker{h.Network.Host("there", "2001:db8:3::2"), lab.ServerV6}
}

// NewNetwork makes the server one with the profile.
func NewNetwork(t *testing.T, backend, profile string) *Network {
	t.Helper()
	stage.Bare(t, backend)
	for _, port := range []int{22, 80, 5432, 8080} {
		lab.Serve(t, "tcp", port)
	}
	run.Expect(t, 0, "apply", testfile.Write(t, "doors.toml", profile), "--auto-approve", "--confirm-within", "0", "--no-guard")
	return &Network{Network: lab.NewNetwork(t)}
}

// Visit is what a knocker sends, and what it reaches then.
type Visit struct {
	Name  string
	Sends []string
	Want  []int
}

// By is the visit of a knocker.
func (v Visit) By(g Knocker, t *testing.T) {
	g.Sends(t, v.Sends...)
	g.ReachesOnly(t, v.Want...)
	if banset.Banned(t, g.Address()) {
		t.Error("the knocker is banned")
	}
}

// Visits are sequences of knocks, and the ports that each of them opens.
var Visits = []Visit{
	{"nothing", nil, nil},
	{"the front door", Front, []int{22}},
	{"the back door, to several ports", Back, []int{5432, 8080}},
	{"both, one after the other", slices.Concat(Front, Back), []int{22, 5432, 8080}},
	{"every knock three times", []string{"tcp/7000", "tcp/7000", "tcp/7000", "udp/8000", "udp/8000", "udp/8000", "tcp/6000", "tcp/6000", "tcp/6000"}, []int{22}},
	{"an early knock once more, late", []string{"tcp/7000", "udp/8000", "tcp/7000", "tcp/6000"}, []int{22}},
	{"again after a wrong one", slices.Concat([]string{"tcp/7000", "udp/8000", "tcp/1"}, Front), []int{22}},
	{"the wrong order", []string{"tcp/7000", "tcp/6000", "udp/8000"}, nil},
	{"backwards", []string{"tcp/6000", "udp/8000", "tcp/7000"}, nil},
	{"the last port alone", []string{"tcp/6000", "tcp/6000"}, nil},
	{"one too few", Front[1:], nil},
	{"another protocol", []string{"tcp/7000", "tcp/8000", "tcp/6000"}, nil},
	{"a port between", []string{"tcp/7000", "udp/8000", "tcp/6001", "tcp/6000"}, nil},
	{"a port between, of a hidden service", []string{"tcp/7000", "tcp/22", "udp/8000", "tcp/6000"}, nil},
	{"a port between, of the other door", []string{"udp/3001", "tcp/3000", "udp/3001", "tcp/6000", "udp/3002"}, nil},
	{"the port that is there twice, once", []string{"udp/3001", "tcp/3000", "udp/3002"}, nil},
}
