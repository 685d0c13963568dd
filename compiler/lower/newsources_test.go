package lower_test

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestStrangersArePassed shows that a rate of a service for everyone is asked of
// sources only that the set of callers knows: a table of hashlimit that forged
// ones have filled would drop every new source. Each packet is counted once.
func TestStrangersArePassed(t *testing.T) {
	const count = "-m set ! --match-set hardenctl-callers-v4 src ! --update-counters -m limit --limit 1000/sec --limit-burst 1000 -j SET --add-set hardenctl-callers-v4 src --exist\n"
	const connections = "\n-p tcp -m set --match-set hardenctl-callers-v4 src --packets-gt 250 -m connlimit --connlimit-above 1750 --connlimit-mask 32 --connlimit-saddr -j DROP\n"
	const above = "-m hashlimit --hashlimit-above 200/sec --hashlimit-burst 1750 … --hashlimit-htable-expire 10000 -j DROP\n"
	const limits = `new_per_source = "200/second burst 2000", connections_per_source = 2000 }`
	run(t, []example{
		{"counted with the connections", `services.a = { ports = ["tcp/443"], ` + limits, ruleset.V4, "S-A", connections +
			"-m set --match-set hardenctl-callers-v4 src ! --update-counters --packets-gt 250 " + above +
			"-p tcp " + count + "-j ACCEPT"},
		{"of UDP, counted here", `services.a = { ports = ["tcp/443", "udp/443"], ` + limits, ruleset.V4, "S-A", connections +
			"-p udp -m conntrack --ctstate NEW --ctstatus CONFIRMED -j ACCEPT\n" +
			"-p tcp -m set --match-set hardenctl-callers-v4 src ! --update-counters --packets-gt 250 " + above +
			"-p udp -m set --match-set hardenctl-callers-v4 src --packets-gt 250 " + above +
			count + "-j ACCEPT"},
		{"a burst of one", `services.a = { ports = ["tcp/22"], new_per_source = "1/minute burst 1" }`, ruleset.V4, "S-A",
			"\n-m set --match-set hardenctl-callers-v4 src --packets-gt 1 -m hashlimit --hashlimit-above 1/min --hashlimit-burst 1 … -j DROP\n" +
				"-p tcp " + count + "-j ACCEPT"},
		{"where so many sources are stated that they fill a table", `services.a = { ports = ["tcp/22"], new_per_source = "7/minute", from = ["10.0.0.0/8"] }`, ruleset.V4, "S-A", `
			-m set --match-set hardenctl-callers-v4 src --packets-gt 1 -m hashlimit --hashlimit-above 7/min --hashlimit-burst 4 … --hashlimit-htable-expire 42000 -j DROP
			-p tcp ` + count + "-j ACCEPT"},
		{"also for IPv6 if IPv4 states so many", `services.a = { ports = ["tcp/22"], new_per_source = "7/minute", from = ["10.0.0.0/8", "2001:db8::/64"] }`, ruleset.V6, "S-A", `
			-m set --match-set hardenctl-callers-v6 src --packets-gt 1 -m hashlimit --hashlimit-above 7/min --hashlimit-burst 4 … --hashlimit-htable-expire 42000 --hashlimit-srcmask 64 -j DROP
			-p tcp ` + strings.ReplaceAll(count, "-v4", "-v6") + "-j ACCEPT"},
		{"not where few sources are stated", `services.a = { ports = ["tcp/22"], new_per_source = "7/minute", from = ["192.0.2.0/24"] }`, ruleset.V4, "S-A", `
			-m hashlimit --hashlimit-above 7/min --hashlimit-burst 5 … --hashlimit-htable-expire 42000 -j DROP
			-j ACCEPT`},
	})
}

// TestStrangersHaveRoom holds that the table of a rate holds more sources than
// the set of callers ever lets into it, and that the set exists where one looks.
func TestStrangersHaveRoom(t *testing.T) {
	for _, text := range []string{
		`services.a = { ports = ["tcp/22"], new_per_source = "7/minute" }`,
		"udp.new_per_source = \"5/second\"\nservices.a = { ports = [\"udp/53\"], from = [\"192.0.2.0/24\"] }",
		"udp.packets_per_source = \"5/second\"\nservices.a.ports = [\"udp/53\"]",
	} {
		rs := lowered(t, text)
		for _, s := range rs.Sets {
			if strings.Contains(s.Name, "callers") && s.MaxElements*2 > smallestTable(rs) {
				t.Errorf("%s: a table holds %d sources, and %s %d", text, smallestTable(rs), s.Name, s.MaxElements)
			}
		}
		if got := creates(rs); strings.Count(got, "callers-v") != 2 || smallestTable(rs) == 0 {
			t.Errorf("%s: the sets are\n%s", text, got)
		}
	}
}

// smallestTable is how many sources the smallest table of the limits of services holds.
func smallestTable(rs *ruleset.Ruleset) uint32 {
	var least uint32
	for _, table := range rs.Tables {
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				for _, m := range r.Matches {
					if rate, ok := m.(ruleset.SourceRate); ok && (least == 0 || rate.TableMax < least) {
						least = rate.TableMax
					}
				}
			}
		}
	}
	return least
}
