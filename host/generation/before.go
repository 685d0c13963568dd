package generation

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"

	"hardenctl/compiler/bundle"
	"hardenctl/compiler/ruleset"
	"hardenctl/host/saved"
	"hardenctl/host/state"
)

// before returns what the host had, in the form of the tools that take it back:
// iptables-restore, ipset restore, sysctl -p. Of sets it has what they were made
// as: the members of ours are in the bundle of the generation before, and those
// of others are nobody's to bring back.
func before(s state.State) []file {
	return []file{
		{path.Join(beforeName, bundle.RulesV4), tables(s, ruleset.V4)},
		{path.Join(beforeName, bundle.RulesV6), tables(s, ruleset.V6)},
		{path.Join(beforeName, bundle.Sets), sets(s.Sets)},
		{path.Join(beforeName, "settings"), settings(s.Settings)},
	}
}

// tables are the rules of one family, whoever owns them, without counters.
func tables(s state.State, family ruleset.Family) []byte {
	var all []saved.Table
	for id, t := range s.Tables {
		if id.Family == family {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b saved.Table) int { return cmp.Compare(a.Name, b.Name) })
	return saved.Render(all, false)
}

func sets(all map[string]state.Set) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(all)) {
		set := all[name]
		fmt.Fprintf(&b, "create %s %s family %s maxelem %d", name, set.Type, familyWord(set.Family), set.MaxElements)
		if set.HasTimeout {
			fmt.Fprintf(&b, " timeout %d", set.Timeout)
		}
		if set.Netmask > 0 {
			fmt.Fprintf(&b, " netmask %d", set.Netmask)
		}
		if set.ForceAdd {
			b.WriteString(" forceadd")
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func familyWord(family ruleset.Family) string {
	if family == ruleset.V6 {
		return "inet6"
	}
	return "inet"
}

func settings(all map[string]state.Setting) []byte {
	var b bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s = %s\n", key, all[key].Value)
	}
	return b.Bytes()
}
