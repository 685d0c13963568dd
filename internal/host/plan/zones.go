package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// Missing returns a note for each interface of a zone that the host does not have. Rules
// compare names, so that they hold from its first packet on.
func Missing(zones []bundle.ZoneEntry, have []string) (notes []string) {
	for _, z := range zones {
		for _, i := range z.Interfaces {
			if slices.ContainsFunc(have, func(name string) bool { return bundle.ByInterface([]string{i}, name) }) {
				continue
			}
			what := i
			if beginning, many := strings.CutSuffix(i, "+"); many {
				what = "that begins with " + beginning
			}
			notes = append(notes, fmt.Sprintf("zones.%s: no interface %s yet. Nothing comes from there until it exists; the rules need no change then", z.Name, what))
		}
	}
	return notes
}
