package lower_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestLog shows where what is refused is written down, and under which reason:
// a source that wrote its share takes no line from the others, and a ban is
// written whatever its source wrote before.
func TestLog(t *testing.T) {
	const probes = "scan.probes = 10\nlog = { prefix = \"fw: \", rate = \"5/minute burst 10\", lines_per_source = \"1/minute burst 3\" }\n"
	const share = "-m limit --limit 1000/sec --limit-burst 1000 -m hashlimit --hashlimit-upto 1/min --hashlimit-burst 3 … --hashlimit-htable-expire 180000 "
	run(t, []example{
		{"a probe", probes, ruleset.V4, "DROP-SCAN", share + `-m limit --limit 5/min --limit-burst 10 -j LOG --log-prefix "fw: scan "
			-j DROP`},
		{"a probe of an IPv6 source", probes, ruleset.V6, "DROP-SCAN", share + `--hashlimit-srcmask 64 -m limit --limit 5/min --limit-burst 10 -j LOG --log-prefix "fw: scan "
			-j DROP`},
		{"a probe again: not logged", probes, ruleset.V4, "RUSH", `
			-m set --match-set hardenctl-seen-rush-v4 src,dst -m set ! --match-set hardenctl-seen-v4 src,dst -j DROP
			-m set --match-set hardenctl-seen-rush-v4 src,dst -j RETURN
			-j SET --add-set hardenctl-seen-rush-v4 src,dst --exist
			-m set ! --match-set hardenctl-seen-rush-v4 src,dst -j RETURN
			-m set --match-set hardenctl-rush-v4 src --packets-gt 10 -j HARDENCTL-BAN
			-m set ! --match-set hardenctl-rush-v4 src ! --update-counters -j SET --add-set hardenctl-rush-v4 src --exist`},
		{"the ban", probes, ruleset.V4, "DROP-BAN", share + `-m limit --limit 5/min --limit-burst 10 -j LOG --log-prefix "fw: ban "
			-j DROP`},
		{"answered", probes + `policy.input = "reject"`, ruleset.V4, "REJECT-SCAN", share + `-m limit --limit 5/min --limit-burst 10 -j LOG --log-prefix "fw: scan "
			-p tcp -j REJECT --reject-with tcp-reset
			-j REJECT --reject-with icmp-port-unreachable`},
		{"answered again: not logged", probes + `policy.input = "reject"`, ruleset.V4, "REJECT", `
			-p tcp -j REJECT --reject-with tcp-reset
			-j REJECT --reject-with icmp-port-unreachable`},
		{"no log", `scan.probes = 10`, ruleset.V4, "DROP-SCAN", ``},
	})
}

// TestShares holds that the lines of all reasons are counted together for a
// source, but for the line of its ban.
func TestShares(t *testing.T) {
	const all = "scan.probes = 10\nlog.rate = \"5/minute\"\naccess.block = [\"192.0.2.7\"]\naccess.exempt = [\"192.0.2.8\"]\n"
	shares := map[string][]string{}
	for _, c := range lowered(t, all).Tables[0].Chains {
		for _, r := range c.Rules {
			if log, ok := r.Target.(ruleset.Log); ok {
				table := r.Matches[1].(ruleset.SourceRate).Name
				shares[table] = append(shares[table], log.Prefix)
			}
		}
	}
	got := slices.Sorted(maps.Values(joined(shares)))
	want := []string{"IPTables-Dropped: ban", "IPTables-Dropped: block , IPTables-Dropped: other , IPTables-Dropped: scan , IPTables-Dropped: trusted"}
	if !slices.Equal(got, want) {
		t.Errorf("lines that are counted together: %q, want %q", got, want)
	}
}

func joined(shares map[string][]string) map[string]string {
	texts := map[string]string{}
	for table, prefixes := range shares {
		texts[table] = strings.TrimSpace(strings.Join(prefixes, ", "))
	}
	return texts
}

// TestReasons holds that each reason that a profile can give fits behind the
// longest prefix, and that no line is written without one.
func TestReasons(t *testing.T) {
	const prefix = "twenty-one-characters"
	reasons := map[string]bool{}
	text := strings.Replace(everything, "[log]\n", "[log]\nprefix = \""+prefix+"\"\n", 1)
	for _, table := range lowered(t, text).Tables {
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				if log, ok := r.Target.(ruleset.Log); ok {
					reasons[strings.TrimPrefix(log.Prefix, prefix)] = true
					if len(log.Prefix) > 29 {
						t.Errorf("%q is longer than the 29 bytes that the kernel keeps", log.Prefix)
					}
				}
			}
		}
	}
	for _, want := range []string{"scan ", "ban ", "limit ", "block ", "trusted ", "other "} {
		if !reasons[want] {
			t.Errorf("no line has the reason %q: %v", want, reasons)
		}
		delete(reasons, want)
	}
	if len(reasons) > 0 {
		t.Errorf("unknown reasons: %v", reasons)
	}
}
