package lower_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/lower"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// everySet is a profile of which lowering makes every set that it can make.
const everySet = `policy = { forward = "published" }
access = { admin = ["192.0.2.1", "2001:db8::1"], exempt = ["192.0.2.2"], block = ["198.51.100.0/24"] }
services.web = { ports = ["tcp/80"], new_per_source = "5/second burst 100", connections_per_source = 1000 }
services.ssh = { ports = ["tcp/22"], admin = true, from = ["192.0.2.3", "192.0.2.4"], knock = "door", new_per_source = "3 in 1m" }
scan = { probes = 10, slow = { probes = 20, window = "1d" }, proven = "1d", engine = "sets" }
udp = { packets_per_source = "9/second" }
knocks.door.sequence = ["tcp/7", "udp/8", "tcp/9", "udp/10", "tcp/11", "udp/12", "tcp/13", "udp/14"]
log = {}
fail2ban = { enabled = true }
`

// TestNamesOfSets holds that a set of the profile that bears the name of one which
// lowering makes, or looks for, is refused and never taken for it. The names are
// those of the sets that lowering has made.
func TestNamesOfSets(t *testing.T) {
	var names []string
	for _, s := range lowered(t, everySet).Sets {
		name := strings.TrimPrefix(s.Name, ruleset.SetPrefix)
		names = append(names, name[:len(name)-len("-v4")])
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < 20 {
		t.Fatalf("only these sets are made: %v", names)
	}
	for _, name := range names {
		// The set is of one family, so that the kernel's names need not be the same.
		text := everySet + fmt.Sprintf("sets.%s.addresses = [\"2001:db8:f::/48\"]\nservices.own = { ports = [\"tcp/81\"], from = [\"@%[1]s\"] }\n", name)
		_, clashes := lower.Lower("a.toml", read(t, text))
		if len(clashes) != 1 || clashes[0].Code != "reserved-name" || clashes[0].Position.Line != 11 || clashes[0].Suggestion == "" {
			t.Errorf("a set called %s: %v", name, clashes)
		}
	}
}

// TestNamesThatAreLookedFor holds the same for sets that this profile does not have,
// though a rule would look for them.
func TestNamesThatAreLookedFor(t *testing.T) {
	for _, name := range []string{"admin", "trusted", "block", "jail"} {
		text := fmt.Sprintf("icmp.echo_per_source = \"1/second\"\nsets.%s.addresses = [\"192.0.2.0/24\"]\nservices.own = { ports = [\"tcp/81\"], from = [\"@%[1]s\"] }\n", name)
		if _, clashes := lower.Lower("a.toml", read(t, text)); len(clashes) != 1 {
			t.Errorf("a set called %s: %v", name, clashes)
		}
	}
}

// TestNamesAreFree holds that a profile may use a name from which no kernel set is made, and
// that one set for several services is one set.
func TestNamesAreFree(t *testing.T) {
	rs := lowered(t, everySet+`sets.ban.addresses = ["203.0.113.9"]
sets.office.addresses = ["192.0.2.0/24"]
services.a = { ports = ["tcp/81"], from = ["@office"] }
services.b = { ports = ["tcp/82"], from = ["@office"] }
services.c = { ports = ["tcp/83"], from = ["@ban", "192.0.2.9"] }
services.scan = { ports = ["tcp/84"], new_per_source = "3 in 1m" }`)
	offices := 0
	for _, s := range rs.Sets {
		if s.Name == "hardenctl-office-v4" {
			offices++
		}
	}
	if offices != 1 {
		t.Errorf("%d sets of the office", offices)
	}
}

// TestLongestNames holds that the longest names of a profile fit into what the
// kernel takes: 31 bytes for a set, 28 for a chain.
func TestLongestNames(t *testing.T) {
	long := strings.Repeat("n", 16)
	rs := lowered(t, strings.NewReplacer("services.ssh", "services."+long, "knocks.door", "knocks."+long, `"door"`, `"`+long+`"`).Replace(everySet))
	for _, s := range rs.Sets {
		if len(s.Name) > 31 {
			t.Errorf("set %s has %d bytes", s.Name, len(s.Name))
		}
	}
	for _, table := range slices.Concat(rs.Tables, rs.Fallback) {
		seen := map[string]bool{}
		for _, c := range table.Chains {
			if len(c.Name) > 28 || seen[c.Name] {
				t.Errorf("chain %s has %d bytes, or is there twice", c.Name, len(c.Name))
			}
			seen[c.Name] = true
		}
	}
}
