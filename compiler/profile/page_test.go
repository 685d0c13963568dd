package profile

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/internal/pages"
	"github.com/hardenctl/hardenctl/profiles"
)

// TestErrorOfPage holds that the error in docs/profile.md is what the program prints.
func TestErrorOfPage(t *testing.T) {
	const text = "version = 1\ninclude = [\"builtin:web\"]\n\n\n\n\n\n[services.ssh]\nports = [\"tcp/70000\"]\n"
	_, found := Read("web.toml", Folders{Root: fstest.MapFS{"web.toml": {Data: []byte(text)}}, Builtins: profiles.FS()})
	var printed strings.Builder
	diag.Print(&printed, found, func(string) []byte { return []byte(text) }, false)
	if want := pages.Output(t, "docs/profile.md", "## Errors"); printed.String() != want {
		t.Errorf("the program prints\n%s\nand docs/profile.md shows\n%s", &printed, want)
	}
}

var (
	inlineKey   = regexp.MustCompile("`(?:\\[[a-zA-Z0-9.]+\\] )?([a-z_]+) = [^`]*`")
	inlineTable = regexp.MustCompile("`\\[([a-z0-9]+(?:\\.[a-zA-Z0-9.]+)?)\\](?: ([a-z_]+))?")
)

// TestPagesNameKeys holds that each key and each table that a page names in a sentence is
// one of a profile.
func TestPagesNameKeys(t *testing.T) {
	known := map[string]bool{removeKey: true, addKey: true, "banaction": true} // the last is fail2ban's
	for _, key := range Keys() {
		table, name := splitPath(key.Path)
		kind, _, _ := strings.Cut(table, ".")
		known[name], known["["+kind+"]"] = true, true
	}
	named := 0
	for _, page := range pages.Names(t) {
		for _, name := range namedKeys(pages.Prose(pages.Read(t, page))) {
			if named++; !known[name] {
				t.Errorf("%s names %s, which a profile does not have", page, name)
			}
		}
	}
	if named < 60 {
		t.Errorf("the pages name only %d keys and tables", named)
	}
}

// namedKeys are the keys and, in brackets, the tables that a text names in its code.
func namedKeys(text string) (names []string) {
	for _, found := range inlineKey.FindAllStringSubmatch(text, -1) {
		names = append(names, found[1])
	}
	for _, found := range inlineTable.FindAllStringSubmatch(text, -1) {
		kind, _, _ := strings.Cut(found[1], ".")
		names = append(names, "["+kind+"]")
		if found[2] != "" {
			names = append(names, found[2])
		}
	}
	return names
}
