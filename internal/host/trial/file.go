package trial

import (
	"bytes"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// EndRules returns a rules file without a trial in the middle of which somebody
// has saved the kernel's rules into it: such a file loads only while the trial
// lasts, or begins it anew. Every other line stays as it is.
func EndRules(family ruleset.Family, text []byte) []byte {
	if !bytes.Contains(text, []byte(owned.TrialChainPrefix)) && !bytes.Contains(text, []byte(SetNames[family])) {
		return text
	}
	kept := []byte{}
	for line := range tablefile.Lines(string(text)) {
		kept = append(kept, ended(family, line).Text...)
	}
	return kept
}

// ended is a line of a rules file when the trial set is empty; without a text for one of
// the trial.
func ended(family ruleset.Family, line tablefile.Line) tablefile.Line {
	switch {
	case owned.TrialChain(line.Chain):
		return tablefile.Line{}
	case owned.Chain(line.Chain) || line.Kind != tablefile.Command:
		return line
	}
	rule, stays := afterTrial(family, line.Rule)
	if !stays {
		return tablefile.Line{}
	}
	return line.WithRule(rule)
}

// EndSets returns a file of sets, as `ipset save` prints it, without those that
// only a trial has.
func EndSets(text []byte) []byte {
	if !bytes.Contains(text, []byte(owned.TrialSetPrefix)) {
		return text
	}
	return setfile.Keep(text, owned.TrialSet)
}
