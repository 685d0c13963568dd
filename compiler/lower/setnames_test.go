package lower

import (
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestNewSetIsReserved holds that a set which lowering makes is its own by having been
// made: code that makes a new one need not say so anywhere, and no rule need look for it.
func TestNewSetIsReserved(t *testing.T) {
	defer func(before []func(*lowering)) { makers = before }(makers)
	makers = append(makers[:len(makers):len(makers)], func(l *lowering) {
		l.sets = append(l.sets, ruleset.Set{Name: setName("made", ruleset.V6), Family: ruleset.V6, Type: ruleset.HashIP})
	})
	members := netset.Of(netip.MustParsePrefix("192.0.2.0/24"))
	for name, want := range map[string]int{"made": 1, "other": 0} {
		_, clashes := Lower("a.toml", &profile.Profile{
			Sets:     []profile.Set{{Name: name, Members: members}},
			Services: []profile.Service{{Name: "own", Ports: []profile.Port{{Protocol: "tcp", First: 81, Last: 81}}, From: []profile.Ref{{Set: name}}}},
		})
		if len(clashes) != want {
			t.Errorf("a set called %s: %v", name, clashes)
		}
	}
}
