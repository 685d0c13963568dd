package dockerd

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// Publishing is a host of containers. It states four of the ports that are
// published on it.
const Publishing = `version = 1

[policy]
forward = "published"
inside = ["docker0", "br-+"]

[sets.office]
addresses = ["198.51.100.0/28", "2001:db8:10::/48"]

[access]
exempt = ["198.51.100.77", "2001:db8:77::/64"]
block = ["203.0.113.200", "2001:db8:bad:200::/64"]

[services.app]
ports = ["tcp/8080", "udp/5353"]

[services.limited]
ports = ["tcp/8081"]
new_per_source = "3 in 1h"

[services.office-only]
ports = ["tcp/8082"]
from = ["@office"]

[scan]
probes = 10
window = "60s"
scope = "everything"
stealth = true
`

// Rules are the rules of Docker, by tool, in order.
func Rules(t *testing.T) map[string]string {
	t.Helper()
	saves := map[string]string{}
	for _, name := range []string{"iptables-save", "ip6tables-save"} {
		for _, table := range []string{"filter", "nat"} {
			for line := range strings.Lines(stage.WithoutCounters(run.Tool(t, name+" -t "+table))) {
				if !strings.Contains(line, "HARDENCTL-") && !strings.HasPrefix(line, ":INPUT ") {
					saves[name] += line
				}
			}
		}
	}
	return saves
}

// UntouchedBy checks that Docker's chains and rules are what they were.
func UntouchedBy(t *testing.T, before map[string]string) {
	t.Helper()
	for name, after := range Rules(t) {
		if after != before[name] {
			t.Errorf("%s: Docker had\n%s\nand has\n%s", name, before[name], after)
		}
	}
}
