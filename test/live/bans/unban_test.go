package bans

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// twiceBanned are the numbers of a server on which a second ban lasts a day.
const twiceBanned = "slow = { probes = 12, window = \"1d\" }\nban = \"1h\"\nban_repeat = \"1d\"\n"

// What docs/operations.md says lifts a ban, and all that is remembered with it: the probes
// are free again, and the next ban is a first one. Hashlimit does not forget, and
// bans at the next port, but as for the first time.
func TestUnbanByHand(t *testing.T) {
	onEngines(t, lab.Backends[:1], func(t *testing.T, engine string) {
		webserver.Watch(t, twiceBanned+engine)
		scanner := lab.NewNetwork(t).Host("scanner", "203.0.113.66", "2001:db8:bad:66::66")
		traffic.Arrive(t, scanner)
		for i, a := range traffic.Addresses(scanner) {
			require.NoError(t, scanner.Forge(traffic.SYNs(a, 7000, 11)...))
			run.Tool(t, "ipset del "+[]string{"hardenctl-ban-v4 203.0.113.66", "hardenctl-ban-v6 2001:db8:bad:66::"}[i])
			require.NoError(t, scanner.Forge(traffic.SYNs(a, 7100, 2)...)) // what lifting the ban alone leads to
			banFor(t, a, 80_000, 86_400)

			banset.UnbanByHand(t, a)
			free := 10
			if strings.Contains(engine, "hashlimit") {
				free = 0
			}
			require.NoError(t, scanner.Forge(traffic.SYNs(a, 7200, free)...))
			if banset.Banned(t, a) {
				t.Errorf("%v is banned again within %d probes", a, free)
			}
			require.NoError(t, scanner.Forge(traffic.SYNs(a, 7300, 3)...))
			banFor(t, a, 1, 3600)
		}
	})
}

// banFor fails the test unless a source is banned for some seconds.
func banFor(t *testing.T, a netip.Addr, least, most int) {
	t.Helper()
	set, member := banset.SourceSet("ban", a)
	if left := banset.Remaining(t, set, member.String()); left < least || left > most {
		t.Errorf("%v is banned for %d s, want %d to %d", a, left, least, most)
	}
}
