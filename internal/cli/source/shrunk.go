package source

import (
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/internal/cli/local"
)

// shrunk reports the lists of a bundle that have lost more, since the last apply
// on this host, than their profile lets them.
func shrunk(b *bundle.Bundle) diag.List {
	var list diag.List
	_, onTrial, _ := local.Host.Pending() // a journal that cannot be read is told by the plan
	for _, s := range local.Host.Generations.Shrunk(b.Manifest, onTrial) {
		live := fmt.Sprintf("in generation %d", s.Number)
		if onTrial {
			live = "in the state on trial"
		}
		list.Add(diag.Diagnostic{
			Code: "maximum-shrink", Position: s.Position(), Subject: s.Part,
			Message:    fmt.Sprintf("the set has %d entries; it had %d %s, and may lose at most %d%%", s.Entries, s.Before, live, s.MaximumShrink),
			Note:       "this limit stops a broken feed from emptying the set",
			Suggestion: "check the set's files; if the change is intended, remove maximum_shrink for one apply",
		})
	}
	return list
}
