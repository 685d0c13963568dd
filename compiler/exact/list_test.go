package exact

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// scattered are so many addresses of which no two are neighbours.
func scattered(n int) (all []netip.Prefix) {
	for i := range n {
		all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 15), byte(i >> 7), byte(i << 1)}), 32))
	}
	return all
}

// blocking is a firewall that drops a list and accepts some ports.
func blocking(t *testing.T, members []netip.Prefix, ports ...int) *Firewall {
	t.Helper()
	rules := []string{"-A INPUT -m set --match-set block src -j DROP"}
	for _, port := range ports {
		rules = append(rules, fmt.Sprintf("-A INPUT -p tcp -m tcp --dport %d -j ACCEPT", port))
	}
	save, err := tablefile.Parse([]byte(filter("DROP", rules...)))
	if err != nil {
		t.Fatal(err)
	}
	held := netset.Of(members...)
	f, err := New(ruleset.V4, save.Tables, []Set{{setfile.Set{Name: "block", Type: "hash:net"}, &held}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Of a long list that changes, only the addresses that leave and join it are decided
// differently. It is the same for a list that is too long for its addresses to be looked at.
func TestListChanges(t *testing.T) {
	joins := netip.MustParsePrefix("192.0.2.7/32")
	for _, n := range []int{fewPrefixes + 8, mostPrefixes + 8, 1 << 20} {
		before := scattered(n)
		after := append(slices.Clone(before[1:]), joins)
		all, more := Compare(blocking(t, before, 22), blocking(t, after, 22))
		var got []string
		for _, d := range all {
			got = append(got, fmt.Sprint(d.Change, " ", d.Region.Ports, " from ", d.Region.Sources, " ", d.First, d.Usual, " ", d.Example.Source, d.Conditions))
		}
		want := []string{
			"newly accepted [{22 22}] from [10.0.0.0/32] true true 10.0.0.0 []",
			"no longer accepted [{22 22}] from [192.0.2.7/32] true true 192.0.2.7 []",
		}
		if more || !slices.Equal(got, want) {
			t.Errorf("%d addresses:\n%s\nwant\n%s", n, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// A region names the lists that are too long to be said.
func TestListsOfRegions(t *testing.T) {
	long := scattered(mostPrefixes + 8)
	all, _ := Compare(blocking(t, long, 22), blocking(t, long, 22, 80))
	if len(all) != 1 || !slices.Equal(all[0].Region.Outside, []Listed{{Set: "block"}}) || all[0].Region.Inside != nil || all[0].Region.Sources != nil {
		t.Errorf("%+v", all)
	}
	all, _ = Compare(blocking(t, long, 22), blocking(t, nil, 22))
	if len(all) != 1 || !slices.Equal(all[0].Region.Inside, []Listed{{Set: "block"}}) || !all[0].Usual || !slices.Contains(long, netip.PrefixFrom(all[0].Example.Source, 32)) {
		t.Errorf("of a list that is emptied: %+v", all)
	}
}

// A comparison that would take too long ends, and says so.
func TestCompareWithin(t *testing.T) {
	a, b := golden(t, "server", ruleset.V4), golden(t, "web", ruleset.V4)
	if _, _, err := CompareWithin(a, b, 1000); err != ErrTooMuch {
		t.Errorf("1000 steps: %v", err)
	}
	if all, _, err := CompareWithin(a, b, 0); err != nil || len(all) == 0 {
		t.Errorf("no limit: %d differences, %v", len(all), err)
	}
}
