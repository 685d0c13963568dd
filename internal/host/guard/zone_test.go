package guard

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// A declared address is tried at the services that are open by its interface, and at one
// that refuses it if there is none. For a service by interfaces that do not exist yet it
// comes by one of these.
func TestInZones(t *testing.T) {
	at := func(address, link string, port uint16, interfaces ...string) *visit {
		return &visit{from: netip.MustParseAddr(address), link: link, door: door{protocol: "tcp", number: port, interfaces: interfaces}}
	}
	for name, c := range map[string]struct {
		visits      []*visit
		want, notes string
	}{
		"by its interface":       {[]*visit{at("10.8.0.2", "wg0", 22, "wg+"), at("10.8.0.2", "wg0", 2222, "eth0")}, "10.8.0.2 wg0 tcp/22", ""},
		"open by all":            {[]*visit{at("10.8.0.2", "eth0", 22)}, "10.8.0.2 eth0 tcp/22", ""},
		"nowhere":                {[]*visit{at("10.8.0.2", "eth0", 22, "wg0")}, "10.8.0.2 eth0 tcp/22", ""},
		"nowhere, of several":    {[]*visit{at("10.8.0.2", "wg0", 22, "wg0"), at("10.9.0.2", "eth0", 22, "wg0")}, "10.8.0.2 wg0 tcp/22, 10.9.0.2 eth0 tcp/22", ""},
		"not there yet":          {[]*visit{at("10.8.0.2", "eth0", 22, "tun+")}, "10.8.0.2 tun0 tcp/22", "10.8.0.2 was tried by tun0, which does not exist yet"},
		"one there, one not yet": {[]*visit{at("10.8.0.2", "wg0", 22, "tun0", "wg0")}, "10.8.0.2 wg0 tcp/22", ""},
	} {
		kept, notes := inZones(c.visits, []string{"lo", "eth0", "wg0"})
		var got []string
		for _, v := range kept {
			got = append(got, fmt.Sprint(v.from, " ", v.link, " ", v.port()))
		}
		if strings.Join(got, ", ") != c.want || strings.Join(notes, ", ") != c.notes {
			t.Errorf("%s: got %q with %q", name, got, notes)
		}
	}
}

// Of one address a network has one way back: visits by two interfaces are in two.
func TestRoundsOfOneAddress(t *testing.T) {
	a, b := netip.MustParseAddr("10.8.0.2"), netip.MustParseAddr("10.8.0.3")
	visits := []*visit{{from: a, link: "eth0"}, {from: a, link: "wg0"}, {from: b, link: "wg0"}, {from: a, link: "eth0"}}
	if got := rounds(visits); len(got) != 2 || len(got[0]) != 3 || len(got[1]) != 1 || got[1][0] != visits[1] {
		t.Errorf("got %v", got)
	}
}
