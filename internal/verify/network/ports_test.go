package network

import (
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/example"
)

// Ports that mean something to the profile are not stray ports.
func TestUnserved(t *testing.T) {
	p, _ := example.Read(t, example.Shop)
	p.Scan.Tripwires = []profile.Port{{Protocol: profile.TCP, First: 20002, Last: 20003}}
	s := &Network{Profile: p}
	if got := s.Unserved("tcp", 2); !slices.Equal(got, []uint16{20004, 20005}) {
		t.Errorf("unserved are %v, although 20001 is a knock and 20002 to 20003 tripwires", got)
	}
	if got := s.Unserved("udp", 1); !slices.Equal(got, []uint16{20001}) {
		t.Errorf("unserved by UDP are %v", got)
	}
}

// Of a long range, both ends get a listener.
func TestPortsOf(t *testing.T) {
	ports := PortsOf(profile.Service{Ports: []profile.Port{
		{Protocol: "tcp", First: 80, Last: 81}, {Protocol: "udp", First: 60000, Last: 61000}}})
	if len(ports) != 19 || ports[1].String() != "tcp/81" || ports[2].String() != "udp/60000" || ports[18].String() != "udp/61000" {
		t.Errorf("%d ports: %v", len(ports), ports)
	}
}
