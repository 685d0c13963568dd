package subject

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/starter"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// Old reads what a host has: one dump or two of different families, or files of another
// tool; as what a starter profile is made of, and as a subject.
func Old(names []string, sets string) (*answer.Subject, starter.Old, error) {
	old, err := toolFiles(names)
	if old.Dumps == nil && err == nil {
		old, err = dumps(names, sets)
	}
	if err != nil {
		return nil, old, err
	}
	firewalls := map[ruleset.Family]*exact.Firewall{}
	for _, d := range old.Dumps {
		firewalls[d.Family] = d.Firewall
	}
	return answer.New(strings.Join(names, ", "), firewalls, bundle.Manifest{}, nil), old, nil
}

// toolFiles reads files of csf, ufw or firewalld; nothing if the first is none.
func toolFiles(names []string) (starter.Old, error) {
	var files []starter.File
	for _, name := range names {
		text, err := safepath.ReadAny(name)
		if err != nil {
			return starter.Old{}, err
		}
		files = append(files, starter.File{Name: name, Text: text})
		if starter.ToolOf(files[0]) == "" {
			return starter.Old{}, nil
		}
	}
	return starter.Tools(files)
}

// dumps reads one dump, or two of different families.
func dumps(names []string, sets string) (old starter.Old, err error) {
	members, err := membersIn(sets)
	if err != nil {
		return old, err
	}
	for _, name := range names {
		d, err := dump(name, members, 0)
		if err != nil {
			return old, err
		}
		for _, known := range old.Dumps {
			if known.Family == d.Family {
				return old, fmt.Errorf("%s and %s are both of IPv%d; name one file of each family", known.File, name, d.Family)
			}
		}
		old.Files, old.Dumps = append(old.Files, name), append(old.Dumps, d)
	}
	return old, nil
}

// OldLive is Old of the rules that this host has now. It needs root.
func OldLive(cmd *cobra.Command) (*answer.Subject, starter.Old, error) {
	var old starter.Old
	s, err := Live(cmd)
	if err != nil {
		return nil, old, err
	}
	names := map[ruleset.Family]string{ruleset.V4: "iptables-save", ruleset.V6: "ip6tables-save"}
	for _, family := range ruleset.Families {
		if f := s.Firewalls[family]; f != nil {
			old.Files = append(old.Files, names[family])
			old.Dumps = append(old.Dumps, starter.Dump{File: names[family], Family: family, Text: tablefile.Render(f.Tables, false), Firewall: f})
		}
	}
	return s, old, nil
}
