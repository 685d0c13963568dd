package profile

import (
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
