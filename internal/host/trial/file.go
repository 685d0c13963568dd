package trial

import (
	"bytes"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// EndRules returns a rules file without a trial in the middle of which somebody
// has saved the kernel's rules into it: such a file loads only while the trial
// lasts, or begins it anew. Every other line stays as it is.
func EndRules(family ruleset.Family, text []byte) []byte {
	if !bytes.Contains(text, []byte(owned.TrialChainPrefix)) && !bytes.Contains(text, []byte(Guards[family])) {
		return text
	}
	kept := []byte{}
	for line := range strings.Lines(string(text)) {
		kept = append(kept, ended(family, line)...)
	}
	return kept
}

// ended is a line of a rules file when the guard has gone; "" for one of the
// trial.
func ended(family ruleset.Family, line string) string {
	chain := tablefile.ChainOf(line)
	switch {
	case chain == "":
		return line
	case owned.TrialChain(chain):
		return ""
	case owned.Chain(chain):
		return line
	}
	rule, stays := unguarded(family, tablefile.Rule{Spec: line})
	if !stays {
		return ""
	}
	return rule.Spec
}

// EndSets returns a file of sets, as `ipset save` prints it, without those that
// only a trial has.
func EndSets(text []byte) []byte {
	if !bytes.Contains(text, []byte(owned.TrialSetPrefix)) {
		return text
	}
	return setfile.Keep(text, owned.TrialSet)
}
