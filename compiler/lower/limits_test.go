package lower_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestRates shows rates as iptables prints them back: in the finest unit that
// holds a whole number of tokens, rounded as the kernel rounds. An expiry of
// one such unit is what iptables takes by itself, and does not print.
func TestRates(t *testing.T) {
	for _, test := range []struct{ stated, want string }{
		{"1/second", "1/sec --hashlimit-burst 5 … --hashlimit-htable-expire 5000"},
		{"50/second burst 200", "50/sec --hashlimit-burst 200 … --hashlimit-htable-expire 4000"},
		{"60/minute", "1/sec --hashlimit-burst 5 … --hashlimit-htable-expire 5000"},
		{"120/minute", "2/sec --hashlimit-burst 5 … --hashlimit-htable-expire 2000"},
		{"7/minute", "7/min --hashlimit-burst 5 … --hashlimit-htable-expire 42000"},
		{"5000/minute", "5000/min --hashlimit-burst 5 … --hashlimit-htable-expire 1000"},
		{"6/minute burst 6", "6/min --hashlimit-burst 6 …"},
		{"10/hour burst 10", "10/hour --hashlimit-burst 10 …"},
		{"60/hour", "1/min --hashlimit-burst 5 … --hashlimit-htable-expire 300000"},
		{"24/day burst 24", "1/hour --hashlimit-burst 24 … --hashlimit-htable-expire 86400000"},
		{"7/day burst 7", "7/day --hashlimit-burst 7 …"},
		{"10000/second burst 10000", "10000/sec --hashlimit-burst 10000 …"},
	} {
		rules := chain(lowered(t, fmt.Sprintf("icmp.echo_per_source = %q", test.stated)), ruleset.V4, "ECHO")
		if want := "-p icmp -m icmp --icmp-type 8/0 -m hashlimit --hashlimit-upto " + test.want + " -j ACCEPT"; !slices.Contains(rules, want) {
			t.Errorf("%s:\ngot  %q\nwant %s", test.stated, rules, want)
		}
	}
}

// TestSharedRates is TestRates for the limit match, which counts in coarser
// ticks and leaves out the burst of 5 that it takes by itself.
func TestSharedRates(t *testing.T) {
	for _, test := range []struct{ stated, want string }{
		{"5/minute burst 10", "5/min --limit-burst 10"},
		{"5/minute", "5/min"},
		{"60/minute", "1/sec"},
		{"7/minute", "7/min"},
		{"90/minute", "90/min"},
		{"10/hour burst 1", "10/hour --limit-burst 1"},
		{"1/day", "1/day"},
		{"10000/second", "10000/sec"},
	} {
		rules := chain(lowered(t, fmt.Sprintf("log.rate = %q", test.stated)), ruleset.V4, "DROP-SCAN")
		if want := " -m limit --limit " + test.want + " -j LOG "; !strings.Contains(rules[0], want) {
			t.Errorf("%s:\ngot  %s\nwant %s", test.stated, rules[0], want)
		}
	}
}

// TestProbeRates shows the rate of [scan] by hashlimit: as many probes a window as are free,
// in the finest unit that is exact, else the next lower number a day.
func TestProbeRates(t *testing.T) {
	for _, test := range []struct{ scan, want string }{
		{`probes = 10, window = "60s"`, "10/min --hashlimit-burst 10 …"},
		{`probes = 10, window = "10s"`, "1/sec --hashlimit-burst 10 … --hashlimit-htable-expire 10000"},
		{`probes = 10, window = "1h"`, "10/hour --hashlimit-burst 10 …"},
		{`probes = 3, window = "1d"`, "3/day --hashlimit-burst 3 …"},
		{`probes = 7, window = "90s"`, "280/hour --hashlimit-burst 7 … --hashlimit-htable-expire 90000"},
		{`probes = 1, window = "7h"`, "3/day --hashlimit-burst 1 … --hashlimit-htable-expire 25200000"},
		{`probes = 10000, window = "1s"`, "10000/sec --hashlimit-burst 10000 …"},
	} {
		rules := chain(lowered(t, `scan = { engine = "hashlimit", `+test.scan+" }"), ruleset.V4, "COUNT")
		if want := "-m hashlimit --hashlimit-above " + test.want + " -j HARDENCTL-BAN"; !slices.Contains(rules, want) {
			t.Errorf("%s:\ngot  %q\nwant %s", test.scan, rules, want)
		}
	}
}

// tables returns the names of the hashlimit tables of a ruleset.
func tables(rs *ruleset.Ruleset) []string {
	var names []string
	for _, table := range rs.Tables {
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				for _, m := range r.Matches {
					if rate, ok := m.(ruleset.SourceRate); ok {
						names = append(names, rate.Name)
					}
				}
			}
		}
	}
	return names
}

// TestTableNames holds that a table has another name exactly when its settings
// are others: under the old name the kernel would go on with the old settings,
// and under a new one it forgets the sources that it was counting.
func TestTableNames(t *testing.T) {
	service := func(name, more string) []string {
		return tables(lowered(t, fmt.Sprintf("services.%s = { ports = [\"tcp/80\"], %s }", name, more)))
	}
	before := service("web", `new_per_source = "50/second burst 200"`)
	for _, test := range []struct {
		name  string
		after []string
		same  bool
	}{
		{"nothing", service("web", `new_per_source = "50/second burst 200"`), true},
		{"another spelling", service("web", `new_per_source = "3000/minute burst 200"`), true},
		{"another limit beside it", service("web", `connections_per_source = 5, new_per_source = "50/second burst 200"`), true},
		{"rate", service("web", `new_per_source = "51/second burst 200"`), false},
		{"burst", service("web", `new_per_source = "50/second burst 201"`), false},
		{"service", service("api", `new_per_source = "50/second burst 200"`), false},
	} {
		for i, name := range test.after {
			if same := name == before[i]; same != test.same {
				t.Errorf("%s changed: table %s became %s", test.name, before[i], name)
			}
		}
	}
	if len(before) != 2 || before[0] == before[1] {
		t.Errorf("both families count in %v", before)
	}
	for _, name := range before {
		if len(name) > 15 {
			t.Errorf("%s has more than the 15 characters that the kernel keeps", name)
		}
	}
}

// TestTablesAreApart holds that no two rules with other settings share a table.
func TestTablesAreApart(t *testing.T) {
	seen := map[string]ruleset.SourceRate{}
	for _, table := range lowered(t, everything).Tables {
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				for _, m := range r.Matches {
					rate, ok := m.(ruleset.SourceRate)
					if !ok {
						continue
					}
					rate.UpTo = false
					if other, used := seen[rate.Name]; used && other != rate {
						t.Errorf("table %s is used with %+v and with %+v", rate.Name, other, rate)
					}
					seen[rate.Name] = rate
				}
			}
		}
	}
	if len(seen) < 6 {
		t.Errorf("this profile has only the tables %v", seen)
	}
}
