package exitcode

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
)

var update = flag.Bool("update", false, "write the table of docs/automation.md instead of comparing it")

// TestPage holds docs/automation.md to the table. With -update it writes it there.
func TestPage(t *testing.T) {
	var page strings.Builder
	page.WriteString("| code | command | meaning |\n| --- | --- | --- |\n")
	for _, r := range Table {
		commands := "in general"
		if len(r.Commands) > 0 {
			commands = "`" + strings.Join(r.Commands, "`, `") + "`"
		}
		fmt.Fprintf(&page, "| %d | %s | %s |\n", r.Code, commands, r.Meaning)
	}
	pages.Generated(t, "docs/automation.md", "exit codes", page.String(), *update)
}
