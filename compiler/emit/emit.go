// Package emit writes a ruleset as the text of each file: iptables-restore
// input, ipset restore input, sysctl, modprobe and modules-load files, and the
// configuration of fail2ban.
//
// It knows syntax and no meaning: it prints what the ruleset holds, in the
// order of the ruleset. Rules come out in the very form in which
// iptables-save prints them back (iptables 1.8.9, both backends), so that a
// file that was restored and saved again is identical and a reviewer compares
// like with like. The words of a rule are written here; the lines around them, and
// quotes, are those of package tablefile.
package emit

import (
	"github.com/hardenctl/hardenctl/compiler/bootfile"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// Files returns every file of the ruleset. One that would be empty is left out.
func Files(rs *ruleset.Ruleset) []bundle.File {
	all := []bundle.File{
		{Name: bundle.RulesV4, Text: Rules(rs.Tables, ruleset.V4)},
		{Name: bundle.RulesV6, Text: Rules(rs.Tables, ruleset.V6)},
		{Name: bundle.Sets, Text: Sets(rs.Sets)},
		{Name: bundle.ClosedV4, Text: Rules(rs.Fallback, ruleset.V4)},
		{Name: bundle.ClosedV6, Text: Rules(rs.Fallback, ruleset.V6)},
		{Name: bundle.KeptSets, Text: KeptSets(rs.Sets)},
	}
	all = append(all, bootfile.Files(Settings(rs))...)
	all = append(all, bundle.File{Name: bundle.ModulesLoad, Text: ModulesLoad(rs.Modules)})
	all = append(all, Fail2ban(rs.Jail)...)
	var files []bundle.File
	for _, f := range all {
		if len(f.Text) > 0 {
			files = append(files, f)
		}
	}
	return files
}

// Rules returns iptables-restore input for one family: a flush restore, which
// replaces each table that it names as a whole.
func Rules(tables []ruleset.Table, family ruleset.Family) []byte {
	var printed []tablefile.Table
	for _, t := range tables {
		if t.Family == family {
			printed = append(printed, table(t))
		}
	}
	if printed == nil {
		return nil
	}
	return append([]byte(bundle.Header+"\n"), tablefile.Render(printed, false)...)
}

// table is a table with its rules in words.
func table(t ruleset.Table) tablefile.Table {
	printed := tablefile.Table{Name: t.Name}
	for _, c := range t.Chains {
		chain := tablefile.Chain{Name: c.Name, Policy: string(c.Policy)}
		if !c.BuiltIn() {
			chain.Policy = tablefile.UserPolicy
		}
		for _, r := range c.Rules {
			chain.Rules = append(chain.Rules, tablefile.Rule{Spec: Rule(t.Family, r)})
		}
		printed.Chains = append(printed.Chains, chain)
	}
	return printed
}
