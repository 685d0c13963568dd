package exact

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestEveryRuleIsMet holds that each rule of a built-in profile is met by a packet in some
// state of the host, and that a witness of it meets it.
func TestEveryRuleIsMet(t *testing.T) {
	for _, name := range bundles(t) {
		for _, family := range ruleset.Families {
			f := golden(t, name, family)
			w := NewWorld(family, f)
			met := map[RuleID]bool{}
			for _, hook := range []Hook{Input, Forward, Output} {
				for id, n := range w.Walk(f, hook, w.Possible()).Reach {
					met[id] = met[id] || w.Settle(n) != bdd.False
				}
			}
			for id := range f.Rules() {
				text := f.Text(id)
				// The sources of the one set are exempt, and those of the other are not.
				empty := strings.Contains(text, "-control-v") || strings.Contains(text, "-engineering-v")
				if never := empty && name == "ot-controller"; !met[id] && !never {
					t.Errorf("%s, IPv%d: no packet meets %v: %s", name, family, id, text)
				}
			}
		}
	}
}

// TestWitness holds that the witness of a rule meets it.
func TestWitness(t *testing.T) {
	for _, family := range ruleset.Families {
		f := golden(t, "web", family)
		w := NewWorld(family, f)
		for id, n := range w.Walk(f, Input, w.Possible()).Reach {
			p, conditions, ok := w.Witness(n)
			if !ok {
				continue
			}
			way, _ := w.Follow(f, Input, p, conditions)
			if !strings.Contains(strings.Join(texts(way), "\n"), id.String()) {
				t.Errorf("%v with %v does not meet %v", p, conditions, id)
			}
		}
	}
}

func texts(ids []RuleID) (all []string) {
	for _, id := range ids {
		all = append(all, id.String())
	}
	return all
}
