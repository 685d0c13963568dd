package needs

import (
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/distro"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// NotPortable is the code of Check's warnings.
const NotPortable = "not-portable"

// Check warns of each part of a profile that a supported distribution cannot
// load, since its kernel lacks what the part needs.
func Check(rs *ruleset.Ruleset) diag.List {
	var list diag.List
	for _, need := range Of(rs) {
		lacking := without(need.Extension)
		if len(lacking) == 0 {
			continue
		}
		detail, _ := distro.Lookup(need.Extension)
		for _, o := range need.Origins {
			list.Add(diag.Diagnostic{
				Code: NotPortable, Severity: diag.Warning, Position: o.Position, Subject: o.Part,
				Message:    fmt.Sprintf("needs the %s, which the kernel of %s does not have", distro.Title(need.Extension), strings.Join(lacking, " and ")),
				Note:       fmt.Sprintf("it is built without CONFIG_%s; plan and apply refuse there, and change nothing", detail.Option),
				Suggestion: suggest(detail.WithoutIn(o.Part)),
			})
		}
	}
	return list
}

// without returns the names of the supported distributions that lack an
// extension.
func without(e ruleset.Extension) []string {
	var names []string
	for _, d := range distro.All() {
		if d.Supported && d.Lack(e) {
			names = append(names, d.Name)
		}
	}
	return names
}

func suggest(setting string) string {
	if setting == "" {
		return ""
	}
	return setting + " does without"
}
