package emit

import (
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Uses returns the extensions that a rule is written with, in the order of its
// words. The verdicts are none: every packet filter has them.
func Uses(family ruleset.Family, r ruleset.Rule) []ruleset.Extension {
	var used []ruleset.Extension
	for _, m := range r.Matches {
		if words := strings.Fields(match(family, m)); len(words) > 1 {
			used = append(used, ruleset.Extension{Kind: ruleset.MatchExtension, Name: words[1]}) // "-m NAME …"
		}
	}
	if r.Comment != "" {
		used = append(used, ruleset.Extension{Kind: ruleset.MatchExtension, Name: "comment"})
	}
	switch r.Target.(type) {
	case nil, ruleset.Verdict, ruleset.Jump, ruleset.Goto:
		return used
	}
	name, _, _ := strings.Cut(target(r.Target), " ")
	return append(used, ruleset.Extension{Kind: ruleset.TargetExtension, Name: name})
}
