package extension

import (
	"regexp"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// What tools say of an extension that they or the kernel lack (iptables 1.8.7 to
// 1.8.11, both backends; ipset 7.10 to 7.22).
var (
	unloadable  = regexp.MustCompile("Couldn't (?:load|find) (match|target) [`']([A-Za-z0-9_-]+)'")
	unsupported = regexp.MustCompile(`Extension ([A-Za-z0-9_-]+) (?:revision [0-9]+ |is )?not supported, missing kernel module`)
	// unread is what is said of a target without a library, which is taken for a
	// chain; 1.8.7 says it of one without a module too.
	unread = regexp.MustCompile(`unknown option "(--[a-z-]+)"|Chain '[A-Z]+' does not exist`)
	// refuses is what is left to the kernel's error numbers: that of
	// nf_tables, and that of the legacy tables.
	refuses     = regexp.MustCompile(`RULE_APPEND failed \(No such file or directory\)|No chain/target/match by that name`)
	noTable     = regexp.MustCompile("can't initialize ip6?tables table [`']([a-z]+)'")
	refusesType = regexp.MustCompile(`(?i)set type not supported|settype \S+ |Kernel support protocol versions|Cannot open session to kernel`)
)

// culprits returns the extensions because of which a tool has refused rules, and
// whether the kernel lacks them; none if it had another reason.
func culprits(said *tool.Error, family ruleset.Family, rules []rule) (found []ruleset.Extension, kernel bool) {
	failed := at(rules, said.Line)
	suspects := all(failed)
	if m := unsupported.FindStringSubmatch(said.Words); m != nil {
		if found = called(suspects, m[1]); len(found) == 0 {
			found = called(all(rules), m[1])
		}
		return found, true
	}
	if m := unloadable.FindStringSubmatch(said.Words); m != nil {
		return []ruleset.Extension{{Kind: ruleset.ExtensionKind(m[1]), Name: m[2]}}, hasLibrary(m[2], family)
	}
	if m := noTable.FindStringSubmatch(said.Words); m != nil {
		return []ruleset.Extension{{Kind: tableKind, Name: m[1]}}, true
	}
	option := unread.FindStringSubmatch(said.Words)
	if option == nil && !refuses.MatchString(said.Words) {
		return nil, false
	}
	for _, e := range append(suspects, standard) {
		if !hasLibrary(e.Name, family) {
			return []ruleset.Extension{e}, false
		}
	}
	if option != nil {
		return targetOf(failed, option[1]), true
	}
	return few(narrow(unproven(suspects, rules, said.Line), family)), true
}

// targetOf returns the target that an option of a rule belongs to, if it is one's.
func targetOf(failed []rule, option string) []ruleset.Extension {
	if len(failed) != 1 || option == "" {
		return nil
	}
	r := failed[0].rule
	if !slices.Contains(r.TargetOptions(), option) {
		return nil
	}
	return called(failed[0].uses, r.Target())
}

// few returns nothing of a list that is too long to help.
func few(list []ruleset.Extension) []ruleset.Extension {
	const most = 4
	if len(list) > most {
		return nil
	}
	return list
}

// unproven leaves of the suspects those that no rule before the line uses: what
// is before it was taken.
func unproven(suspects []ruleset.Extension, rules []rule, line int) []ruleset.Extension {
	before := all(slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return r.line >= line }))
	left := slices.DeleteFunc(slices.Clone(suspects), func(e ruleset.Extension) bool { return slices.Contains(before, e) })
	if len(left) == 0 {
		return suspects
	}
	return left
}

// tableKind is what the legacy tools call raw, mangle and filter: each is a module
// of the kernel. The table of distributions does not have them.
const tableKind ruleset.ExtensionKind = "table"

// standard is the target behind every verdict.
var standard = ruleset.Extension{Kind: ruleset.TargetExtension, Name: "standard"}

// called returns those of the name: a match and a target may share one.
func called(list []ruleset.Extension, name string) []ruleset.Extension {
	return slices.DeleteFunc(slices.Clone(list), func(e ruleset.Extension) bool { return e.Name != name })
}

// narrow leaves of the suspects those for which the kernel that runs has no
// module, where that can be known.
func narrow(suspects []ruleset.Extension, family ruleset.Family) []ruleset.Extension {
	have := installed()
	left := slices.DeleteFunc(slices.Clone(suspects), func(e ruleset.Extension) bool { return have[module(e, family)] })
	if len(have) == 0 || len(left) == 0 {
		return suspects
	}
	return left
}
