package extension

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// rule is a line of a rules file that adds a rule.
type rule struct {
	line   int // from 1
	rule   tablefile.Rule
	uses   []ruleset.Extension
	Origin bundle.Origin // empty for what is not in the manifest
}

// readRules reads a rules file of a bundle, and who asked for each rule.
func readRules(family ruleset.Family, text []byte, entries []bundle.RuleEntry) []rule {
	type place struct {
		table, chain string
		number       int
	}
	asked := map[place]bundle.Origin{}
	for _, e := range entries {
		if e.Family == int(family) {
			asked[place{e.Table, e.Chain, e.Number}] = e.Origin
		}
	}
	var rules []rule
	counted, n := map[place]int{}, 0
	for line := range tablefile.Lines(string(text)) {
		n++
		if line.Command == tablefile.Append {
			at := place{line.Table, line.Chain, 0}
			counted[at]++
			at.number = counted[at]
			rules = append(rules, rule{n, line.Rule, used(line.Rule), asked[at]})
		}
	}
	return rules
}

// verdicts are targets that are not extensions.
var verdicts = []string{string(ruleset.Accept), string(ruleset.Drop), string(ruleset.Return)}

// used returns the extensions that a rule is written with.
func used(r tablefile.Rule) []ruleset.Extension {
	var found []ruleset.Extension
	matches, target := r.Extensions()
	for _, name := range matches {
		found = append(found, ruleset.Extension{Kind: ruleset.MatchExtension, Name: name})
	}
	if target != "" && !slices.Contains(verdicts, target) && !owned.Chain(target) {
		found = append(found, ruleset.Extension{Kind: ruleset.TargetExtension, Name: target})
	}
	return found
}

// at returns the rule of a line; all where the line is none, such as COMMIT.
func at(rules []rule, line int) []rule {
	if i := slices.IndexFunc(rules, func(r rule) bool { return r.line == line }); i >= 0 {
		return rules[i : i+1]
	}
	return rules
}

// all returns what rules use, each once.
func all(rules []rule) []ruleset.Extension {
	var found []ruleset.Extension
	for _, r := range rules {
		for _, e := range r.uses {
			if !slices.Contains(found, e) {
				found = append(found, e)
			}
		}
	}
	return found
}
