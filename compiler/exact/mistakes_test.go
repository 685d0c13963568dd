package exact

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// TestEachRuleMatters removes each rule of the server's INPUT in turn: the engine finds a
// packet that is decided differently, or that goes into another set, in some state. Of a
// packet whose source is in a set it does not know for how long, so the rules that renew a
// ban change nothing that it sees; nor do rules that only log, or that drop what all that
// follows drops.
func TestEachRuleMatters(t *testing.T) {
	whole := golden(t, "server", ruleset.V4)
	w := NewWorld(4, whole)
	tried := 0
	for id := range w.Walk(whole, Input, w.Possible()).Reach {
		text := whole.Text(id)
		if slices.Contains([]string{"HARDENCTL-BANNED", "HARDENCTL-RENEW", "HARDENCTL-RENEWED", "HARDENCTL-REPEAT"}, id.Chain) || strings.Contains(text, "-j LOG") {
			continue
		}
		tried++
		less := without(t, whole, id)
		w := NewWorld(4, whole, less)
		a, b := w.Walk(whole, Input, w.Possible()), w.Walk(less, Input, w.Possible())
		same := maps.Equal(a.Verdicts, b.Verdicts) && maps.Equal(a.Added, b.Added)
		dropped := id.Chain == "HARDENCTL-DROP-OTHER" || slices.ContainsFunc(needless, func(part string) bool { return strings.Contains(text, part) })
		if same != dropped {
			t.Errorf("without %v all packets are decided the same: %v\n  %s", id, same, text)
		}
	}
	if tried < 50 {
		t.Errorf("only %d rules were removed", tried)
	}
}

// needless are parts of rules before others that drop the same packets, or accept them at
// more cost.
var needless = []string{
	`--tcp-flags FIN,SYN,RST,ACK ACK -m conntrack`, `"policy: other icmp"`, `"scan: probe" -j HARDENCTL-DROP-SCAN`, `"scan: other protocols"`,
	`-m set ! --match-set hardenctl-seen-v4 src,dst -m comment --comment "scan: counted before"`,
}

// without is a firewall without a rule.
func without(t *testing.T, f *Firewall, id RuleID) *Firewall {
	t.Helper()
	var less []tablefile.Table
	for _, table := range f.Tables {
		chains := slices.Clone(table.Chains)
		for i, c := range chains {
			if table.Name == id.Table && c.Name == id.Chain {
				chains[i].Rules = slices.Delete(slices.Clone(c.Rules), id.Number-1, id.Number)
			}
		}
		less = append(less, tablefile.Table{Name: table.Name, Chains: chains})
	}
	made, err := look(f.Family, less, f.sets)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
