package guard

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// A declared address is tried at the services that are open by its interface, and at one
// that refuses it if there is none. For a service by interfaces that do not exist yet it
// comes by one of these. What a zone's trust lets in is tried as it comes.
func TestInZones(t *testing.T) {
	at := func(address, link string, port uint16, interfaces ...string) *visit {
		return &visit{from: netip.MustParseAddr(address), link: link, door: door{protocol: "tcp", number: port, interfaces: interfaces}}
	}
	q := Question{
		Bundle: &bundle.Bundle{Manifest: bundle.Manifest{Zones: []bundle.ZoneEntry{
			{Name: "taps", Interfaces: []string{"tap+"}, Trusted: true},
			{Name: "lan", Interfaces: []string{"lan0"}, TrustedSets: []string{"hardenctl-t-lan-v4"}},
		}}},
		Want: state.State{Sets: map[string]state.Set{"hardenctl-t-lan-v4": {Members: netset.Of(netip.MustParsePrefix("192.0.2.7/32"))}}},
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
		"all trusted":            {[]*visit{at("10.8.0.2", "tap0", 22, "eth0")}, "10.8.0.2 tap0 tcp/22", ""},
		"its address trusted":    {[]*visit{at("192.0.2.7", "lan0", 22, "dmz+")}, "192.0.2.7 lan0 tcp/22", ""},
		"another one trusted":    {[]*visit{at("192.0.2.8", "lan0", 22, "dmz+")}, "192.0.2.8 dmz0 tcp/22", "192.0.2.8 was tried by dmz0, which does not exist yet"},
		"by another interface":   {[]*visit{at("192.0.2.7", "eth0", 22, "dmz+")}, "192.0.2.7 dmz0 tcp/22", "192.0.2.7 was tried by dmz0, which does not exist yet"},
	} {
		kept, notes := q.inZones(c.visits, []string{"lo", "eth0", "wg0", "lan0", "tap0"})
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
