package main

import (
	"fmt"

	"hardenctl/compiler/bundle"
	"hardenctl/compiler/diag"
	"hardenctl/host/generation"
)

// shrunk reports the lists of a bundle that have lost more, since the last apply
// on this host, than their profile lets them.
func shrunk(b *bundle.Bundle) diag.List {
	var list diag.List
	for _, s := range generation.Host.Shrunk(b.Manifest) {
		list.Add(diag.Diagnostic{
			Code: "maximum-shrink", Position: s.Position(), Subject: s.Part,
			Message:    fmt.Sprintf("the set has %d entries, and had %d in generation %d: it may lose %d%% at most", s.Entries, s.Before, s.Number, s.MaximumShrink),
			Note:       "a feed that collapsed must not pass for a smaller set",
			Suggestion: "look at its files; if it is meant, take maximum_shrink out for one apply",
		})
	}
	return list
}
