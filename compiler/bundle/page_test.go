package bundle_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/pages"
)

var update = flag.Bool("update", false, "write the table of docs/automation.md instead of comparing it")

// holds says what each file of a bundle holds.
var holds = map[string]string{
	"rules.v4":             "the rules of IPv4, as iptables-save prints them",
	"rules.v6":             "the rules of IPv6",
	"ipsets":               "the sets, for `ipset restore`",
	"closed.v4":            "the fallback rules of IPv4, which boot if the rules do not",
	"closed.v6":            "the fallback rules of IPv6",
	"kept-sets":            "the sets of which `keep_bans` saves the entries",
	"sysctl.conf":          "kernel settings",
	"modprobe.conf":        "options of kernel modules",
	"modules-load.conf":    "kernel modules that must be loaded before the settings",
	"fail2ban/filter.conf": "fail2ban's filter",
	"fail2ban/jail.conf":   "fail2ban's jail",
	"fail2ban/action.conf": "fail2ban's action",
	"nics/NAME.link":       "the features of the network interface NAME",
}

// TestFilesOfPage holds the table of files in docs/automation.md to the places where an
// apply installs them. With -update it writes the table.
func TestFilesOfPage(t *testing.T) {
	const link = "nics/NAME.link"
	debian, rhel := bundle.Paths(bundle.Debian, link), bundle.Paths(bundle.RHEL, link)
	var page strings.Builder
	page.WriteString("| file | on Debian and Ubuntu | on RHEL | holds |\n| --- | --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(debian)) {
		if holds[name] == "" {
			t.Errorf("say in holds what %s holds", name)
		}
		there := "`" + rhel[name] + "`"
		if rhel[name] == debian[name] {
			there = "the same"
		}
		fmt.Fprintf(&page, "| `%s` | `%s` | %s | %s |\n", name, debian[name], there, holds[name])
	}
	if len(holds) != len(debian) {
		t.Errorf("holds names %d files, and a bundle has %d", len(holds), len(debian))
	}
	pages.Generated(t, "docs/automation.md", "files", page.String(), *update)
}
