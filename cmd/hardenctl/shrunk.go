package main

import (
	"fmt"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/generation"
)

// shrunk reports the lists of a bundle that have lost more, since the last apply
// on this host, than their profile lets them.
func shrunk(b *bundle.Bundle) diag.List {
	var list diag.List
	_, onTrial, _ := host.Trial() // a journal that cannot be read is told by the plan
	for _, s := range generation.Host.Shrunk(b.Manifest, onTrial) {
		live := fmt.Sprintf("in generation %d", s.Number)
		if onTrial {
			live = "in what is on trial"
		}
		list.Add(diag.Diagnostic{
			Code: "maximum-shrink", Position: s.Position(), Subject: s.Part,
			Message:    fmt.Sprintf("the set has %d entries, and had %d %s: it may lose %d%% at most", s.Entries, s.Before, live, s.MaximumShrink),
			Note:       "a feed that collapsed must not pass for a smaller set",
			Suggestion: "look at its files; if it is meant, take maximum_shrink out for one apply",
		})
	}
	return list
}
