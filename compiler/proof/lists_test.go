package proof_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/proof"
)

// longLists is a profile whose lists are variables of the engine, not diagrams: a blocklist,
// and sources of a service of which some are blocked, and some are exempt.
func longLists() string {
	list := func(format string, count int) string {
		var all []string
		for i := range count {
			all = append(all, fmt.Sprintf(`"`+format+`"`, i/100, 1+2*(i%100)))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	return `include = ["builtin:server"]
[sets.office]
addresses = ` + list("198.51.%d.%d", 400) + `
[sets.bad]
addresses = ` + list("198.51.%d.%d", 3000) + `
[sets.partner]
addresses = ` + list("198.51.%d.%d", 50) + `
[access]
admin = ["203.0.113.9"]
exempt = ["@partner"]
block = ["@bad"]
[services.db]
ports = ["tcp/5432"]
from = ["@office"]
`
}

// TestLongLists holds that lists that overlap make no finding, and hide none.
func TestLongLists(t *testing.T) {
	if list := proof.Bundle(compiled(t, longLists())); len(list) > 0 {
		t.Errorf("got\n%s", text(list))
	}
	found(t, "blocked-served", []seed{{name: "no rule for the blocked", profile: longLists(), edits: edits{cut(block), cut("-A HARDENCTL-ECHO -m set --match-set hardenctl-block-v4")}}})
	found(t, "exempt-refused", []seed{{name: "the blocklist before the exempt", profile: longLists(), edits: edits{move(block, trusted)}}})
}
