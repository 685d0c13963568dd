package lower_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/lower"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// creates returns the lines that create the sets of a ruleset, each with the
// number of its members.
func creates(rs *ruleset.Ruleset) string {
	var lines []string
	for _, s := range rs.Sets {
		lines = append(lines, fmt.Sprintf("%s: %d", strings.TrimPrefix(emit.Create(s), "create hardenctl-"), len(s.Members)))
	}
	return strings.Join(lines, "\n")
}

func TestSets(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"none", ``, ``},
		{"a set that nothing uses", `sets.office.addresses = ["192.0.2.0/24"]`, ``},
		{"one family", `access.block = ["203.0.113.0/24", "198.51.100.7"]`,
			"block-v4 hash:net family inet hashsize 1024 maxelem 65536: 2"},
		{"both families", `access.block = ["203.0.113.0/24", "2001:db8::/32"]`,
			"block-v4 hash:net family inet hashsize 1024 maxelem 65536: 1\nblock-v6 hash:net family inet6 hashsize 1024 maxelem 65536: 1"},
		{"admin is trusted too", `access = { admin = ["192.0.2.7"], exempt = ["192.0.2.9"] }`,
			"admin-v4 hash:net family inet hashsize 1024 maxelem 65536: 1\ntrusted-v4 hash:net family inet hashsize 1024 maxelem 65536: 2"},
		{"merged to the fewest", `access.block = ["192.0.2.0/25", "192.0.2.128/25", "192.0.2.7"]`,
			"block-v4 hash:net family inet hashsize 1024 maxelem 65536: 1"},
		{"bans", `scan = { probes = 10, window = "60s", ban = "1d", ban_repeat = "1d" }`,
			"ban-v4 hash:ip family inet hashsize 65536 maxelem 262144 timeout 86400: 0\n" +
				"ban-v6 hash:ip family inet6 hashsize 65536 maxelem 262144 netmask 64 timeout 86400: 0\n" +
				"rush-v4 hash:ip family inet hashsize 32768 maxelem 131072 timeout 30 counters: 0\n" +
				"rush-v6 hash:ip family inet6 hashsize 32768 maxelem 131072 netmask 64 timeout 30 counters: 0\n" +
				"scan-v4 hash:ip family inet hashsize 32768 maxelem 131072 timeout 60 counters: 0\n" +
				"scan-v6 hash:ip family inet6 hashsize 32768 maxelem 131072 netmask 64 timeout 60 counters: 0\n" +
				"seen-rush-v4 hash:ip,port family inet hashsize 32768 maxelem 131072 timeout 31: 0\n" +
				"seen-rush-v6 hash:ip,port family inet6 hashsize 32768 maxelem 131072 timeout 31: 0\n" +
				"seen-v4 hash:ip,port family inet hashsize 32768 maxelem 131072 timeout 61: 0\n" +
				"seen-v6 hash:ip,port family inet6 hashsize 32768 maxelem 131072 timeout 61: 0"},
		{"services share a set of the profile", `
			sets.office.addresses = ["192.0.2.0/24"]
			services.a = { ports = ["tcp/1"], from = ["@office"] }
			services.b = { ports = ["tcp/2"], from = ["@office"] }`,
			"office-v4 hash:net family inet hashsize 1024 maxelem 65536: 1"},
		{"and have one of their own for more", `
			sets.office.addresses = ["192.0.2.0/24"]
			services.a = { ports = ["tcp/1"], from = ["@office", "198.51.100.7"] }
			services.b = { ports = ["tcp/2"], from = ["198.51.100.7"] }`,
			"f-a-v4 hash:net family inet hashsize 1024 maxelem 65536: 2\nf-b-v4 hash:net family inet hashsize 1024 maxelem 65536: 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := creates(lowered(t, test.text)); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestSetSizes holds that a large list fits: a set that is full refuses in
// silence. A quarter is left for what is banned by hand.
func TestSetSizes(t *testing.T) {
	var list strings.Builder
	const entries = 120_000
	for i := range entries {
		fmt.Fprintf(&list, "%d.%d.%d.%d\n", 11+i/2/256/256, i/2/256%256, i/2%256, i%2*2)
	}
	files := profile.Folders{Root: fstest.MapFS{
		"list.txt": {Data: []byte(list.String())},
		"a.toml":   {Data: []byte("version = 1\nsets.bad.files = [\"list.txt\"]\naccess.block = [\"@bad\"]")},
	}}
	p, diags := profile.Read("a.toml", files)
	if p == nil {
		t.Fatal(diags)
	}
	want := fmt.Sprintf("block-v4 hash:net family inet hashsize 65536 maxelem 262144: %d", entries)
	rs, _ := lower.Lower("a.toml", p)
	if got := creates(rs); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestSetsAreUsed holds that every set is looked up or filled by some rule, and
// that every set that a rule names is there, of the rule's own family: if one
// is missing the kernel refuses the whole file.
func TestSetsAreUsed(t *testing.T) {
	rs := lowered(t, everything)
	used := map[string]ruleset.Family{}
	for _, table := range rs.Tables {
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				for _, name := range setsOf(r) {
					used[name] = table.Family
				}
			}
		}
	}
	var names []string
	for _, s := range rs.Sets {
		names = append(names, s.Name)
		if used[s.Name] != s.Family {
			t.Errorf("set %s of IPv%d is used in IPv%d", s.Name, s.Family, used[s.Name])
		}
		delete(used, s.Name)
	}
	for name := range used {
		t.Errorf("set %s is used and not there", name)
	}
	if !slices.IsSorted(names) {
		t.Errorf("the sets are not sorted: %v", names)
	}
}

func setsOf(r ruleset.Rule) []string {
	var names []string
	for _, m := range r.Matches {
		if in, ok := m.(ruleset.InSet); ok {
			names = append(names, in.Set)
		}
	}
	if add, ok := r.Target.(ruleset.AddToSet); ok {
		names = append(names, add.Set)
	}
	return names
}
