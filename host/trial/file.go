package trial

import (
	"bytes"

	"hardenctl/compiler/ruleset"
	"hardenctl/host/saved"
	"hardenctl/host/state"
)

// EndRules returns a rules file without a trial in the middle of which somebody
// has saved the kernel's rules into it: such a file loads only while the trial
// lasts, or begins it anew. A file without one, and one that is no save, is
// returned as it is.
func EndRules(family ruleset.Family, text []byte) []byte {
	if !bytes.Contains(text, []byte(state.TrialChainPrefix)) && !bytes.Contains(text, []byte(Guards[family])) {
		return text
	}
	file, err := saved.Parse(text)
	if err != nil {
		return text // whoever loads it is told
	}
	tables := Tables{}
	for _, t := range file.Tables {
		tables[state.TableID{Family: family, Name: t.Name}] = t
	}
	tables = End(tables)
	var ended []saved.Table
	for _, t := range file.Tables {
		ended = append(ended, tables[state.TableID{Family: family, Name: t.Name}])
	}
	return saved.Render(ended, true)
}

// EndSets returns a file of sets, as `ipset save` prints it, without those that
// only a trial has.
func EndSets(text []byte) []byte {
	if !bytes.Contains(text, []byte(state.TrialSetPrefix)) {
		return text
	}
	var kept []byte
	for line := range bytes.Lines(text) {
		words := bytes.Fields(line)
		if len(words) < 2 || !state.OfTrialSet(string(words[1])) {
			kept = append(kept, line...)
		}
	}
	return kept
}
