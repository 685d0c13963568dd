package pages

import (
	"strings"
	"testing"
)

// A section ends at the next heading of its level, and a comment of a shell is not one.
func TestSection(t *testing.T) {
	for heading, script := range map[string]string{
		"## What happens when things go wrong": "for tool in iptables ip6tables; do\n",
		"## Lifting a ban":                     "address=203.0.113.66 family=v4\n",
		"## Uninstall":                         "rm -rf /var/lib/hardenctl ",
	} {
		if text := Script(t, "docs/operations.md", heading); !strings.HasPrefix(text, script) {
			t.Errorf("%s begins with\n%s", heading, text)
		}
	}
	if boot := Section(t, "docs/operations.md", "## At boot"); !strings.Contains(boot, "\n# hardenctl restore\n") || strings.Contains(boot, "Uninstall") {
		t.Errorf("At boot is\n%s", boot)
	}
}

func TestNames(t *testing.T) {
	names := Names(t)
	if names[0] != README || len(names) < 14 {
		t.Errorf("the pages are %q", names)
	}
}
