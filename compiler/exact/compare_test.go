package exact

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// compared says the differences of two tables, one a line.
func compared(t *testing.T, before, after string) (all []string) {
	t.Helper()
	sets := []byte("create office hash:net family inet\nadd office 192.0.2.0/24\ncreate ban hash:ip family inet timeout 60\n")
	a, err := Read(4, []byte(before), sets)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read(4, []byte(after), sets)
	if err != nil {
		t.Fatal(err)
	}
	differences, more := Compare(a, b)
	if more {
		t.Error("there are more differences")
	}
	for _, d := range differences {
		sets := ""
		if d.Sets != nil {
			sets = fmt.Sprint(" ", d.Sets)
		}
		all = append(all, fmt.Sprintf("%s %s %v %v %v from %v: %v %d, %v %d%s", d.Hook, d.Change, d.Region.Protocols, d.Region.Ports, d.Region.Types,
			d.Region.Sources, d.Before.Verdict, d.Before.By.Number, d.After.Verdict, d.After.By.Number, sets))
	}
	return all
}

func TestCompare(t *testing.T) {
	ssh, web := "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT"
	drop := "-A INPUT -p tcp -j DROP"
	for _, c := range []struct {
		name          string
		before, after []string
		want          []string
	}{
		{"order that does not matter", []string{ssh, web}, []string{web, ssh}, nil},
		{"order that does", []string{drop, ssh}, []string{ssh, drop}, []string{"INPUT newly accepted [{6 6}] [{22 22}] [] from []: drop 1, accept 1"}},
		{"one rule for two", []string{ssh, web}, []string{"-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT"}, nil},
		{"a stray rule", []string{ssh}, []string{ssh, "-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 8000:8100 -j ACCEPT"},
			[]string{"INPUT newly accepted [{6 6}] [{8000 8100}] [] from [203.0.113.0/24]: drop 0, accept 2"}},
		{"a service that is gone", []string{ssh, web}, []string{ssh}, []string{"INPUT no longer accepted [{6 6}] [{80 80}] [] from []: accept 2, drop 0"}},
		{"another answer", []string{ssh, "-A INPUT -p tcp -j REJECT --reject-with tcp-reset"}, []string{ssh},
			[]string{"INPUT answered differently [{6 6}] [{0 21} {23 65535}] [] from []: reject with tcp-reset 2, drop 0"}},
		{"a set that packets fill", []string{"-A INPUT -m set --match-set ban src -j DROP", ssh}, []string{ssh},
			[]string{"INPUT newly accepted [{6 6}] [{22 22}] [] from []: drop 1, accept 1"}},
		{"a known set for its prefix", []string{"-A INPUT -m set --match-set office src -j ACCEPT"}, []string{"-A INPUT -s 192.0.2.0/24 -j ACCEPT"}, nil},
		{"a limit in another place is the same", []string{"-A INPUT -p tcp -m limit --limit 1/sec -j ACCEPT"},
			[]string{"-A INPUT -p udp -m limit --limit 1/sec -j DROP", "-A INPUT -p tcp -m limit --limit 1/sec -j ACCEPT"}, nil},
		{"a ban that is gone", []string{"-A INPUT -p udp -j SET --add-set ban src --exist"}, nil,
			[]string{"INPUT counted differently [{17 17}] [{0 65535}] [] from []: drop 0, drop 0 [no longer added to ban]"}},
		{"ICMP by its type", nil, []string{"-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT"}, []string{"INPUT newly accepted [{1 1}] [] [{8 8}] from []: drop 0, accept 1"}},
	} {
		got := compared(t, filter("DROP", c.before...), filter("DROP", c.after...))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// TestBundlesAreThemselves holds that no bundle differs from itself, and that each two
// differ.
func TestBundlesAreThemselves(t *testing.T) {
	for _, family := range ruleset.Families {
		for _, name := range []string{"server", "web", "docker-host"} {
			a, b := golden(t, name, family), golden(t, name, family)
			w := NewWorld(family, a, b)
			for _, hook := range []Hook{Input, Forward, Output} {
				if all, _ := w.compareAt(a, b, hook); all != nil || !a.reads(b, hook) {
					t.Errorf("%s differs from itself: %+v", name, all)
				}
			}
			if all, more := Compare(a, b); all != nil || more {
				t.Errorf("%s differs from itself: %+v", name, all)
			}
		}
		all, _ := Compare(golden(t, "server", family), golden(t, "web", family))
		ports := ""
		for _, d := range all {
			if d.Hook == Input && d.First && d.Usual && d.Region.Sources == nil {
				ports += fmt.Sprint(d.Change, d.Region.Protocols, d.Region.Ports)
			}
		}
		if want := "newly accepted[{6 6}] [{80 80} {443 443}]newly accepted[{17 17}] [{443 443}]"; ports != want {
			t.Errorf("from server to web: %s", ports)
		}
	}
}
