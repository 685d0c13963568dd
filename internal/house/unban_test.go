package house_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
)

// keptAtUnban say nothing against a source: those that know it, let it in, or are
// another program's.
var keptAtUnban = []string{"callers", "proven", "proven-29", "proven-48", "jail", "lines", "1-front-door", "2-front-door", "k-front-door"}

var (
	sourceSet = regexp.MustCompile(`(?m)^create hardenctl-([a-z0-9-]+)-v[46] hash:ip .*timeout`)
	removed   = regexp.MustCompile(`(?m)^for name in (.*); do$`)
)

// TestUnbanRemovesEveryCount holds that the script that lifts a ban removes the source
// from every set that remembers one, of all golden bundles.
func TestUnbanRemovesEveryCount(t *testing.T) {
	script := removed.FindStringSubmatch(pages.Script(t, "docs/operations.md", "## Lifting a ban"))
	if script == nil {
		t.Fatal("the script names no sets")
	}
	names := strings.Fields(script[1])
	files, err := filepath.Glob("golden/*/ipsets")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d bundles have sets: %v", len(files), err)
	}
	var found []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range sourceSet.FindAllStringSubmatch(string(text), -1) {
			found = append(found, set[1])
			if !slices.Contains(names, set[1]) && !slices.Contains(keptAtUnban, set[1]) {
				t.Errorf("%s has the set hardenctl-%s, which the script leaves alone", file, set[1])
			}
		}
	}
	for _, name := range names {
		if !slices.Contains(found, name) {
			t.Errorf("the script removes from hardenctl-%s, and no bundle has it", name)
		}
	}
}
