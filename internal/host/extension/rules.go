package extension

import (
	"bytes"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// rule is a line of a rules file that adds a rule.
type rule struct {
	line   int // from 1
	text   string
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
	table, counted, n := "", map[string]int{}, 0
	for line := range bytes.Lines(text) {
		n++
		trimmed := strings.TrimSpace(string(line))
		if name, begins := strings.CutPrefix(trimmed, "*"); begins {
			table, counted = name, map[string]int{}
		}
		if spec, adds := strings.CutPrefix(trimmed, "-A "); adds {
			chain, rest, _ := strings.Cut(spec, " ")
			counted[chain]++
			rules = append(rules, rule{n, trimmed, used(rest), asked[place{table, chain, counted[chain]}]})
		}
	}
	return rules
}

// verdicts are targets that are no extension.
var verdicts = []string{string(ruleset.Accept), string(ruleset.Drop), string(ruleset.Return)}

// used returns the extensions that the words of a rule name.
func used(spec string) []ruleset.Extension {
	words, err := tablefile.Words(spec)
	if err != nil {
		return nil
	}
	var found []ruleset.Extension
	for i, word := range words[:max(len(words)-1, 0)] {
		name := words[i+1]
		switch {
		case word == "-m":
			found = append(found, ruleset.Extension{Kind: ruleset.MatchExtension, Name: name})
		case word == "-j" && !slices.Contains(verdicts, name) && !strings.HasPrefix(name, ruleset.ChainPrefix):
			found = append(found, ruleset.Extension{Kind: ruleset.TargetExtension, Name: name})
		}
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
