package house_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
)

var (
	// made is a call of make in a page, in code.
	made = regexp.MustCompile("(?m)(?:`|^|sudo )make ([a-z][a-z-]*)")
	// rule is a target of the Makefile.
	rule = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
)

// TestMakeTargets holds that the Makefile has each target that a page names.
func TestMakeTargets(t *testing.T) {
	text, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, found := range rule.FindAllStringSubmatch(string(text), -1) {
		targets[found[1]] = true
	}
	named := map[string]bool{}
	for _, page := range pages.Names(t) {
		for _, found := range made.FindAllStringSubmatch(pages.Read(t, page), -1) {
			if named[found[1]] = true; !targets[found[1]] {
				t.Errorf("%s: %s: the Makefile has no such target", page, strings.TrimLeft(found[0], "`"))
			}
		}
	}
	for _, name := range []string{"check", "demo", "test", "golden"} {
		if !named[name] {
			t.Errorf("no page names make %s", name)
		}
	}
}
