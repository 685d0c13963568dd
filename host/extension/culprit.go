package extension

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"hardenctl/compiler/ruleset"
	"hardenctl/host/here"
	"hardenctl/host/tool"
)

// What tools say of an extension that they or the kernel lack (iptables 1.8.7 to
// 1.8.11, both backends; ipset 7.10 to 7.22).
var (
	unloadable  = regexp.MustCompile("Couldn't (?:load|find) (match|target) [`']([A-Za-z0-9_-]+)'")
	unsupported = regexp.MustCompile(`Extension ([A-Za-z0-9_-]+) (?:revision [0-9]+ |is )?not supported, missing kernel module`)
	// unread is what is said of a target without a library, which is taken for a
	// chain.
	unread = regexp.MustCompile(`unknown option|Chain '[A-Z]+' does not exist`)
	// refuses is what is left to the kernel's error numbers: that of
	// nf_tables, and that of the legacy tables.
	refuses     = regexp.MustCompile(`RULE_APPEND failed \(No such file or directory\)|No chain/target/match by that name`)
	noTable     = regexp.MustCompile("can't initialize ip6?tables table [`']([a-z]+)'")
	refusesType = regexp.MustCompile(`(?i)set type not supported|settype \S+ |Kernel support protocol versions|Cannot open session to kernel`)
)

// culprits returns the extensions because of which a tool has refused rules, and
// whether the kernel lacks them; none if it had another reason.
func culprits(said *tool.Error, family ruleset.Family, rules []rule) (found []ruleset.Extension, kernel bool) {
	suspects := all(at(rules, said.Line))
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
	kernel = refuses.MatchString(said.Words)
	if !kernel && !unread.MatchString(said.Words) {
		return nil, false
	}
	for _, e := range append(suspects, standard) {
		if !hasLibrary(e.Name, family) {
			return []ruleset.Extension{e}, false
		}
	}
	if !kernel {
		return nil, false
	}
	return narrow(unproven(suspects, rules, said.Line), family), true
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

// modulesFolder has a folder for each kernel that is installed.
const modulesFolder = "/lib/modules"

// installed returns the modules that the kernel that runs has or could load.
func installed() map[string]bool {
	names := map[string]bool{}
	for _, list := range []string{"modules.dep", "modules.builtin"} {
		text, _ := os.ReadFile(filepath.Join(modulesFolder, here.Release(), list)) // none in a container
		for line := range strings.Lines(string(text)) {
			path, _, _ := strings.Cut(strings.TrimSpace(line), ":")
			name, _, _ := strings.Cut(filepath.Base(path), ".ko")
			names[name] = true
		}
	}
	return names
}

// folders returns where the libraries of iptables are.
func folders() []string {
	var found []string
	for _, pattern := range []string{"/usr/lib/*/xtables", "/usr/lib64/xtables", "/usr/lib/xtables", "/lib/xtables"} {
		matches, _ := filepath.Glob(pattern) // the patterns are good
		found = append(found, matches...)
	}
	return found
}

// hasLibrary reports whether there is a library for an extension, or nobody knows
// where libraries are.
func hasLibrary(name string, family ruleset.Family) bool {
	own := "libipt_"
	if family == ruleset.V6 {
		own = "libip6t_"
	}
	where := folders()
	for _, folder := range where {
		for _, prefix := range []string{"libxt_", own} {
			info, err := os.Stat(filepath.Join(folder, prefix+name+".so"))
			if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
				return true
			}
		}
	}
	return len(where) == 0
}
