package exact

import (
	"maps"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestWalkIsTrace holds that a chain's summary does what its rules do one by one, and
// that each packet has one verdict.
func TestWalkIsTrace(t *testing.T) {
	for _, name := range []string{"server", "docker-host", "ot-controller"} {
		for _, family := range ruleset.Families {
			f := golden(t, name, family)
			w := NewWorld(family, f)
			for _, hook := range []Hook{Input, Forward, Output} {
				walked, traced := w.Walk(f, hook, w.Possible()), w.Trace(f, hook, w.Possible(), unknownBits)
				if !maps.Equal(walked.Verdicts, traced.Verdicts) {
					t.Errorf("%s, IPv%d, %s: verdicts differ", name, family, hook)
				}
				for id, n := range traced.Reach {
					if walked.Reach[id] != n {
						t.Errorf("%s, IPv%d, %s: %v is met by others", name, family, hook, id)
					}
				}
				all := bdd.False
				for v, n := range walked.Verdicts {
					if w.g.And(all, n) != bdd.False {
						t.Errorf("%s: a packet has %v and another verdict", name, v)
					}
					all = w.g.Or(all, n)
				}
				if all != w.Possible() {
					t.Errorf("%s, %s: a packet has no verdict", name, hook)
				}
			}
		}
	}
}

// unknownBits knows no bit of a packet.
func unknownBits(int) bdd.Value { return bdd.Unknown }
