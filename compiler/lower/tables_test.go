package lower_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestTablesInCommon shows two parts of a profile that use one table: it is
// there once, with the chains of both.
func TestTablesInCommon(t *testing.T) {
	rs := lowered(t, "policy.forward = \"published\"\nservices.a = { ports = [\"tcp/80\"], synproxy = true }")
	seen := map[string]int{}
	for _, table := range rs.Tables {
		if table.Family != ruleset.V4 {
			continue
		}
		seen[table.Name]++
		own := false
		for _, c := range table.Chains {
			if c.BuiltIn() && own {
				t.Errorf("%s: %s is behind our chains", table.Name, c.Name)
			}
			own = own || !c.BuiltIn()
			seen[table.Name+" "+c.Name] += len(c.Rules)
		}
	}
	for name, want := range map[string]int{"mangle": 1, "raw": 1, "filter": 1, "mangle FORWARD": 1, "mangle OUTPUT": 1, "mangle HARDENCTL-HANDSHAKE": 1} {
		if seen[name] != want {
			t.Errorf("%s: %d, want %d", name, seen[name], want)
		}
	}
}
