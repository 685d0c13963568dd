package emit

import (
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// Uses returns the extensions that a rule is written with, in the order of its
// words. The verdicts are none: every packet filter has them.
func Uses(family ruleset.Family, r ruleset.Rule) []ruleset.Extension {
	var used []ruleset.Extension
	matches, target := tablefile.Rule{Spec: Rule(family, r)}.Extensions()
	for _, name := range matches {
		used = append(used, ruleset.Extension{Kind: ruleset.MatchExtension, Name: name})
	}
	switch r.Target.(type) {
	case nil, ruleset.Verdict, ruleset.Jump, ruleset.Goto:
		return used
	}
	return append(used, ruleset.Extension{Kind: ruleset.TargetExtension, Name: target})
}
