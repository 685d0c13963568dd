package emit

import (
	"strconv"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Settings returns every kernel setting of the ruleset as the manifest has it, and
// as the files that make it last over a boot are written from.
func Settings(rs *ruleset.Ruleset) []bundle.SettingEntry {
	var entries []bundle.SettingEntry
	for _, s := range rs.Settings {
		entries = append(entries, bundle.SettingEntry{Key: s.Key, Value: s.Value, Origin: origin(s.Origin)})
	}
	for _, o := range rs.Options {
		entries = append(entries, bundle.SettingEntry{Module: o.Module, Option: o.Name, Value: o.Value, Origin: origin(o.Origin)})
	}
	for _, n := range rs.NICs {
		for _, o := range n.Offloads {
			entries = append(entries, bundle.SettingEntry{NIC: n.Name, Option: string(o.Name), Value: o.Word(), Origin: origin(o.Origin)})
		}
		if n.Queues.N > 0 {
			entries = append(entries, bundle.SettingEntry{
				NIC: n.Name, Option: bundle.Queues, Value: strconv.Itoa(int(n.Queues.N)), Origin: origin(n.Queues.Origin)})
		}
	}
	return entries
}

func origin(o ruleset.Origin) bundle.Origin {
	return bundle.Origin{Part: o.Part, File: o.File, Line: o.Line}
}
