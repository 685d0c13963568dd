package live

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/pages"
)

// twiceBanned are the numbers of a server on which a second ban lasts a day.
const twiceBanned = "slow = { probes = 12, window = \"1d\" }\nban = \"1h\"\nban_repeat = \"1d\"\n"

// What docs/operations.md says lifts a ban, and all that is remembered with it: the probes
// are free again, and the next ban is a first one. Hashlimit does not forget, and
// bans at the next port, but as for the first time.
func TestUnbanByHand(t *testing.T) {
	onEngines(t, lab.Backends[:1], func(t *testing.T, engine string) {
		watch(t, twiceBanned+engine)
		scanner := lab.NewNetwork(t).Host("scanner", "203.0.113.66", "2001:db8:bad:66::66")
		arrive(t, scanner)
		for i, a := range addresses(scanner) {
			must(t, scanner.Forge(syns(a, 7000, 11)...))
			tool(t, "ipset del "+[]string{"hardenctl-ban-v4 203.0.113.66", "hardenctl-ban-v6 2001:db8:bad:66::"}[i])
			must(t, scanner.Forge(syns(a, 7100, 2)...)) // what lifting the ban alone leads to
			banFor(t, a, 80_000, 86_400)

			unbanByHand(t, a)
			free := 10
			if strings.Contains(engine, "hashlimit") {
				free = 0
			}
			must(t, scanner.Forge(syns(a, 7200, free)...))
			if banned(t, a) {
				t.Errorf("%v is banned again within %d probes", a, free)
			}
			must(t, scanner.Forge(syns(a, 7300, 3)...))
			banFor(t, a, 1, 3600)
		}
	})
}

// unbanByHand runs the commands of docs/operations.md for an address.
func unbanByHand(t *testing.T, a netip.Addr) {
	t.Helper()
	script := pages.Script(t, "docs/operations.md", "## Lifting a ban")
	const example = "address=203.0.113.66 family=v4\n"
	contains(t, script, example)
	family, source := "v4", a
	if a.Is6() {
		family, source = "v6", netip.PrefixFrom(a, 64).Masked().Addr()
	}
	own := fmt.Sprintf("address=%v family=%s\nhardenctl() { %s \"$@\"; }\n", source, family, binary(t))
	fed(t, strings.Replace(script, example, own, 1), "sh", "-e")
}

// banFor fails the test unless a source is banned for some seconds.
func banFor(t *testing.T, a netip.Addr, least, most int) {
	t.Helper()
	set, member := sourceSet("ban", a)
	if left := remaining(t, set, member.String()); left < least || left > most {
		t.Errorf("%v is banned for %d s, want %d to %d", a, left, least, most)
	}
}
