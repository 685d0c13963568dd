package house_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
)

// row is the room in a row of the tables of ARCHITECTURE.md.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+?) \\|")

// TestArchitecture holds that every package has one row in the tables of rooms, with its
// purpose, and that each row is a package.
func TestArchitecture(t *testing.T) {
	out, err := exec.Command("go", "list", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := strings.Fields(strings.ReplaceAll(string(out), module+"/", ""))
	var rooms []string
	for _, found := range row.FindAllStringSubmatch(pages.Section(t, "docs/ARCHITECTURE.md", "## Rooms"), -1) {
		if slices.Contains(rooms, found[1]) {
			t.Errorf("docs/ARCHITECTURE.md has two rows for %s", found[1])
		}
		rooms = append(rooms, found[1])
	}
	for _, name := range packages {
		if !slices.Contains(rooms, name) {
			t.Errorf("docs/ARCHITECTURE.md has no row for %s: say its purpose and what to check in review", name)
		}
	}
	for _, name := range rooms {
		if !slices.Contains(packages, name) {
			t.Errorf("docs/ARCHITECTURE.md has a row for %s, which is not a package", name)
		}
	}
}
