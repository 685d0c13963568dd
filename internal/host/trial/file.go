package trial

import (
	"bytes"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/saved"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// EndRules returns a rules file without a trial in the middle of which somebody
// has saved the kernel's rules into it: such a file loads only while the trial
// lasts, or begins it anew. Every other line stays as it is.
func EndRules(family ruleset.Family, text []byte) []byte {
	if !bytes.Contains(text, []byte(state.TrialChainPrefix)) && !bytes.Contains(text, []byte(Guards[family])) {
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
	chain := saved.ChainOf(line)
	switch {
	case chain == "":
		return line
	case state.OfTrialChain(chain):
		return ""
	case state.OwnsChain(chain):
		return line
	}
	rule, stays := unguarded(family, saved.Rule{Spec: line})
	if !stays {
		return ""
	}
	return rule.Spec
}

// EndSets returns a file of sets, as `ipset save` prints it, without those that
// only a trial has.
func EndSets(text []byte) []byte {
	if !bytes.Contains(text, []byte(state.TrialSetPrefix)) {
		return text
	}
	return setfile.Keep(text, state.OfTrialSet)
}
