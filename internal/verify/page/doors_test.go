package page

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
	"github.com/hardenctl/hardenctl/internal/verify/report"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// TestDoorsOfPage holds that docs/recipes.md shows the table of doors as it is printed,
// with names of knocks that there are.
func TestDoorsOfPage(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(pages.Output(t, "docs/recipes.md", "## SSH behind a knock")), "\n")
	if len(rows) < 9 || strings.Join(strings.Fields(rows[0]), " ") != "DOOR knocked IPv4 IPv6" {
		t.Fatalf("the table is %q", rows)
	}
	var source strings.Builder
	files, _ := filepath.Glob("../attack/*.go")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && !strings.HasSuffix(file, "_test.go") {
			source.Write(text)
		}
	}
	at := strings.Index(rows[0], "IPv4")
	door := result.Door{Name: "front-door"}
	for _, row := range rows[1:] {
		name := strings.TrimSpace(strings.TrimPrefix(row[:at], door.Name))
		if !strings.Contains(source.String(), `"`+name+`"`) {
			t.Errorf("no knock is named %q", name)
		}
		opened := strings.HasPrefix(row[at:], "open")
		for _, family := range []int{4, 6} {
			door.Attempts = append(door.Attempts, result.Attempt{Name: name, Family: family, Opens: opened, Opened: opened})
		}
	}
	var printed strings.Builder
	report.Print(&printed, &result.Report{Doors: []result.Door{door}})
	if want := "\n" + strings.Join(rows, "\n") + "\n"; !strings.Contains(printed.String(), want) {
		t.Errorf("verify prints\n%s\nand the page shows\n%s", &printed, want)
	}
}
