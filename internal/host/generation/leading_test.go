package generation

import (
	"os"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// A boot lets come first what the newest generation does, and nothing where that cannot
// be read.
func TestLeading(t *testing.T) {
	s := store(t)
	if got := s.Leading(); got != nil {
		t.Errorf("without a generation: %q", got)
	}
	lets := content("128", 1)
	lets.Bundle = bundle.Seal(lets.Bundle.Files, bundle.Manifest{Profile: "web.toml", Leading: []string{"f2b-*"}})
	keep(t, s, content("64", 1), lets)
	if got := s.Leading(); !slices.Equal(got, []string{"f2b-*"}) {
		t.Errorf("got %q", got)
	}
	must(t, appendTo(s.path(2, bundleName, bundle.ManifestName), "\n"))
	if got := s.Leading(); got != nil {
		t.Errorf("of a manifest that somebody has changed: %q", got)
	}
	must(t, os.RemoveAll(s.path(2)))
	if got := s.Leading(); got != nil {
		t.Errorf("of a generation that does not have it: %q", got)
	}
}
