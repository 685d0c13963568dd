package generation

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// before returns what the host had, in the form of the tools that take it back:
// iptables-restore, ipset restore, sysctl -p. Of sets it has what they were made
// as. Members of ours are in the bundle of the generation before, and here where
// this is the first: those of others are not restored. The first has
// the files too, since nothing before it has. originals are those of Content.
func before(s state.State, originals map[string]string, first bool) []file {
	files := []file{
		{path.Join(beforeName, bundle.RulesV4), tables(s, ruleset.V4)},
		{path.Join(beforeName, bundle.RulesV6), tables(s, ruleset.V6)},
		{path.Join(beforeName, bundle.Sets), sets(s.Sets, first)},
		{path.Join(beforeName, settingsName), settings(s.Settings)},
	}
	if originals != nil {
		files = append(files, file{path.Join(beforeName, originalsName), lines(originals)})
	}
	for _, at := range slices.Sorted(maps.Keys(s.Files)) {
		if first && s.Files[at] != nil {
			files = append(files, file{bundle.BeforeName(at), s.Files[at]})
		}
	}
	return append(files, file{path.Join(beforeName, sumsName), sums(files)})
}

// The names of what is not of a bundle.
const (
	settingsName = "settings"
	sumsName     = "sha256sums"
)

// sums lists the SHA-256 of each file, as sha256sum(1) does in the folder of the
// generation.
func sums(files []file) []byte {
	var b bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&b, "%s  %s\n", checksum(f.text), f.path)
	}
	return b.Bytes()
}

// tables are the rules of one family, ours and those of others, without counters.
func tables(s state.State, family ruleset.Family) []byte {
	var all []tablefile.Table
	for id, t := range s.Tables {
		if id.Family == family {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b tablefile.Table) int { return cmp.Compare(a.Name, b.Name) })
	return tablefile.Render(all, false)
}

func sets(all map[string]state.Set, members bool) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(all)) {
		set := all[name]
		fmt.Fprintln(&b, set.Declared)
		if !members {
			continue
		}
		for _, p := range slices.Concat(set.Members.V4(), set.Members.V6()) {
			fmt.Fprintln(&b, setfile.Entry{Set: name, Element: string(netset.AppendPrefix(nil, p))})
		}
	}
	return b.Bytes()
}

func settings(all map[string]state.Setting) []byte {
	values := map[string]string{}
	for key, s := range all {
		values[key] = s.Value
	}
	return lines(values)
}

// lines are values by key, in the form of sysctl -p.
func lines(values map[string]string) []byte {
	var b bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&b, "%s = %s\n", key, values[key])
	}
	return b.Bytes()
}
