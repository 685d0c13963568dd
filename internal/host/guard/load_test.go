package guard

import (
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// Of the rules, only those that log stay away, whatever is logged.
func TestWithoutLog(t *testing.T) {
	b, err := bundle.ReadFolder(os.DirFS("../../../golden/web"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{bundle.RulesV4, bundle.RulesV6} {
		var logging []string
		kept := string(withoutLog(b.File(name)))
		for line := range strings.Lines(string(b.File(name))) {
			if strings.Contains(line, "--log-prefix") {
				logging = append(logging, line)
			} else if !strings.Contains(kept, line) {
				t.Errorf("%s: lost %s", name, line)
			}
		}
		if len(logging) == 0 || strings.Contains(kept, "LOG") || strings.Count(kept, "\n")+len(logging) != strings.Count(string(b.File(name)), "\n") {
			t.Errorf("%s: of %d rules that log, these stay:\n%s", name, len(logging), kept)
		}
	}
}
