package golden

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/distro"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// extensions returns what the files of a golden bundle name, as a tool reads them.
func extensions(t *testing.T, folder string) []ruleset.Extension {
	t.Helper()
	var found []ruleset.Extension
	add := func(kind ruleset.ExtensionKind, name string) {
		if e := (ruleset.Extension{Kind: kind, Name: name}); !slices.Contains(found, e) {
			found = append(found, e)
		}
	}
	for _, file := range []string{"rules.v4", "rules.v6", "closed.v4", "closed.v6", "ipsets"} {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			for i, word := range words[:max(len(words)-1, 0)] {
				switch next := words[i+1]; {
				case word == "-m":
					add(ruleset.MatchExtension, next)
				case word == "-j" && i+2 < len(words): // a verdict or a chain is the last word
					add(ruleset.TargetExtension, next)
				case word == "create":
					add(ruleset.SetExtension, words[i+2])
				}
			}
		}
	}
	return found
}

// TestEveryDistributionLoadsEveryBundle holds every golden bundle against the
// table of distributions: each kernel has what each bundle needs.
func TestEveryDistributionLoadsEveryBundle(t *testing.T) {
	for _, name := range names() {
		needed := extensions(t, name)
		if len(needed) < 12 {
			t.Errorf("of %s only %v were read", name, needed)
		}
		for _, e := range needed {
			if _, known := distro.Lookup(e); !known {
				t.Errorf("%s needs the %s, which the table of distributions does not have", name, distro.Title(e))
			}
			for _, d := range distro.All() {
				if d.Supported && d.Lack(e) {
					t.Errorf("%s needs the %s, which %s does not have", name, distro.Title(e), d.Name)
				}
			}
		}
	}
}
