package plan

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

var netHeader = state.Header{Type: ruleset.HashNet, Family: ruleset.V4, MaxElements: 65536}

// netSet is a set of prefixes, entered one by one.
func netSet(prefixes ...string) state.Set {
	var list []netip.Prefix
	for _, p := range prefixes {
		list = append(list, netip.MustParsePrefix(p))
	}
	return state.Set{Header: netHeader, Entries: len(list), Members: netset.Of(list...)}
}

func banSet(seconds uint32, entries int) state.Set {
	return state.Set{Dynamic: true, Entries: entries,
		Header: state.Header{Type: ruleset.HashIP, Family: ruleset.V4, MaxElements: 65536, Timeout: seconds}}
}

func pointer(s state.Set) *state.Set { return &s }

// Sets are compared by what they cover and how they were made.
func TestCompareSets(t *testing.T) {
	wide := netSet("10.0.0.0/8")
	wide.MaxElements = 131072
	for _, c := range []struct {
		name       string
		have, want *state.Set
		step       string
	}{
		{"equal", pointer(netSet("10.0.0.0/8")), pointer(netSet("10.0.0.0/8")), ""},
		{"other entries that cover the same", pointer(netSet("10.0.0.0/9", "10.128.0.0/9")), pointer(netSet("10.0.0.0/8")), ""},
		{"missing", nil, pointer(netSet("10.0.0.0/8")), "+ set hardenctl-block-v4:  -> hash:net, 1 entry #20"},
		{"not wanted any more", pointer(netSet("10.0.0.0/8")), nil, "- set hardenctl-block-v4: hash:net, 1 entry ->  #20"},
		{"a member more", pointer(netSet("10.0.0.0/8")), pointer(netSet("10.0.0.0/8", "192.0.2.0/24")),
			"~ set hardenctl-block-v4: hash:net, 1 entry -> hash:net, 2 entries #20"},
		{"half of it gone", pointer(netSet("10.0.0.0/8", "192.0.2.0/24")), pointer(netSet("10.0.0.0/8")),
			"~ set hardenctl-block-v4: hash:net, 2 entries -> hash:net, 1 entry #20"},
		{"more than half of it gone", pointer(netSet("10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24")), pointer(netSet("10.0.0.0/8")),
			"~ set hardenctl-block-v4: hash:net, 3 entries -> hash:net, 1 entry #20 !from 3 entries to 1"},
		{"another size", pointer(netSet("10.0.0.0/8")), &wide,
			"~ set hardenctl-block-v4: hash:net, 1 entry -> hash:net, 1 entry #20"},
		{"bans come and go", pointer(banSet(3600, 5)), pointer(banSet(3600, 0)), ""},
		{"another ban time", pointer(banSet(600, 5)), pointer(banSet(3600, 0)),
			"~ set hardenctl-block-v4: hash:ip, timeout 600 s, filled by packets -> hash:ip, timeout 3600 s, filled by packets #20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var have, want state.State
			const name = "hardenctl-block-v4"
			if c.have != nil {
				have.Sets = map[string]state.Set{name: *c.have}
			}
			if c.want != nil {
				want.Sets = map[string]state.Set{name: *c.want}
			}
			if got := strings.Join(shorts(Compare(have, want, states)), "\n"); got != c.step {
				t.Errorf("got  %q\nwant %q", got, c.step)
			}
		})
	}
}

// A plan names the members that come and go, and warns of a set that loses most of them.
func TestCompareMembers(t *testing.T) {
	have, want := netSet("10.0.0.0/8", "192.0.2.0/24", "198.51.100.1/32"), netSet("10.0.0.0/8", "192.0.2.0/25", "203.0.113.0/24", "203.0.114.0/24")
	six := netSet("2001:db8::/48")
	six.Family = ruleset.V6
	nothing := netSet()
	nothing.Header = six.Header
	for _, c := range []struct {
		name            string
		have, want      state.Set
		risk            string
		added, removed  int
		addedExamples   []string
		removedExamples []string
	}{
		{"hardenctl-admin-v4", have, want, "", 2, 2, []string{"203.0.113.0/24", "203.0.114.0/24"}, []string{"192.0.2.128/25", "198.51.100.1/32"}},
		{"hardenctl-f-ssh-v4", have, want, "", 2, 2, []string{"203.0.113.0/24", "203.0.114.0/24"}, []string{"192.0.2.128/25", "198.51.100.1/32"}},
		{"hardenctl-trusted-v4", have, want, "", 2, 2, []string{"203.0.113.0/24", "203.0.114.0/24"}, []string{"192.0.2.128/25", "198.51.100.1/32"}},
		{"hardenctl-block-v4", have, want, "", 2, 2, []string{"203.0.113.0/24", "203.0.114.0/24"}, []string{"192.0.2.128/25", "198.51.100.1/32"}},
		{"hardenctl-office-v6", six, nothing, "from 1 entry to 0", 0, 1, nil, []string{"2001:db8::/48"}},
	} {
		p := Compare(state.State{Sets: map[string]state.Set{c.name: c.have}}, state.State{Sets: map[string]state.Set{c.name: c.want}}, states)
		s := p.Changes[0]
		if s.Risk != c.risk || s.Added != c.added || s.Removed != c.removed ||
			!slices.Equal(s.AddedExamples, c.addedExamples) || !slices.Equal(s.RemovedExamples, c.removedExamples) {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

// Members that are exceptions, or that expire, are none that the profile states.
func TestCompareOddMembers(t *testing.T) {
	odd, expiring, forced, counting := netSet("10.0.0.0/8"), netSet("10.0.0.0/8"), netSet("10.0.0.0/8"), netSet("10.0.0.0/8")
	odd.Odd, expiring.HasTimeout, forced.ForceAdd, counting.Counters = 1, true, true, true
	for _, have := range []state.Set{odd, expiring, forced, counting} {
		p := Compare(state.State{Sets: map[string]state.Set{"hardenctl-a": have}}, state.State{Sets: map[string]state.Set{"hardenctl-a": netSet("10.0.0.0/8")}}, states)
		if len(p.Changes) != 1 || p.Changes[0].Action != Change {
			t.Errorf("%+v: %q", have, shorts(p))
		}
	}
}

// A set that others name is not removed, since the kernel would refuse; one
// that only rules of ours name is.
func TestCompareNamedSets(t *testing.T) {
	const rules = "*filter\n:INPUT DROP [0:0]\n:HARDENCTL-A - [0:0]\n-A INPUT -j HARDENCTL-A\n-A HARDENCTL-A -m set --match-set hardenctl-old src -j SET --add-set hardenctl-old src\nCOMMIT\n"
	for references, want := range map[int]int{2: 1, 3: 0} {
		have := tablesOf(t, rules)
		old := netSet("10.0.0.0/8")
		old.References = references
		have.Sets = map[string]state.Set{"hardenctl-old": old}
		p := Compare(have, tablesOf(t, rules), states)
		sets := slices.DeleteFunc(p.Changes, func(s Step) bool { return s.Kind != Set })
		if len(sets) != want || len(p.Notes) != 1-want {
			t.Errorf("%d references: %q, notes %q", references, shorts(p), p.Notes)
		}
	}
}

// Settings are compared with blanks folded; those that cannot be changed from
// here are not a change.
func TestCompareSettings(t *testing.T) {
	set := func(stated, value, unreachable string) state.Setting {
		return state.Setting{Stated: stated, Value: value, Unreachable: unreachable}
	}
	const all = "net.ipv4.conf.*.rp_filter"
	have := state.State{Settings: map[string]state.Setting{
		"net.ipv4.conf.eth0.rp_filter": set(all, "0", ""),
		"net.ipv4.conf.lo.rp_filter":   set(all, "2", ""),
		"net.ipv4.tcp_rmem":            set("net.ipv4.tcp_rmem", "4096\t131072\t6291456\n", ""),
		"nf_conntrack.hashsize":        set("nf_conntrack.hashsize", "262144", "not here"),
		"nf_conntrack.expect_hashsize": set("nf_conntrack.expect_hashsize", "1024", "not here"),
	}}
	want := state.State{Settings: map[string]state.Setting{
		"net.ipv4.conf.eth0.rp_filter": set(all, "2", ""),
		"net.ipv4.conf.lo.rp_filter":   set(all, "2", ""),
		"net.ipv4.tcp_rmem":            set("net.ipv4.tcp_rmem", "4096 131072 6291456", ""),
		"nf_conntrack.hashsize":        set("nf_conntrack.hashsize", "32768", ""),
		"nf_conntrack.expect_hashsize": set("nf_conntrack.expect_hashsize", "1024", ""),
	}}
	p := Compare(have, want, states)
	if got := shorts(p); !slices.Equal(got, []string{"~ setting net.ipv4.conf.eth0.rp_filter: 0 -> 2 #30"}) {
		t.Errorf("changes: %q", got)
	}
	if len(p.OutOfReach) != 1 {
		t.Fatalf("out of reach: %+v", p.OutOfReach)
	}
	u := p.OutOfReach[0]
	if u.Key != "nf_conntrack.hashsize" || u.Value != "262144" || u.Wanted != "32768" || u.Reason != "not here" || u.Origin.Line != 31 {
		t.Errorf("out of reach: %+v", u)
	}
}

// Files are compared by content; an empty file is not a missing one.
func TestCompareFiles(t *testing.T) {
	have := state.State{Files: map[string][]byte{
		"/a-same": []byte("x\n"), "/b-new": nil, "/c-edited": []byte("x\n"), "/d-gone": []byte("x\ny\n"),
		"/e-empty": {}, "/f-neither": nil, "/g-not-asked": []byte("x"),
	}}
	want := state.State{Files: map[string][]byte{
		"/a-same": []byte("x\n"), "/b-new": []byte("1\n2\n"), "/c-edited": []byte("y\n"), "/d-gone": nil,
		"/e-empty": nil, "/f-neither": nil,
	}}
	got := shorts(Compare(have, want, states))
	if !slices.Equal(got, []string{
		"+ file /b-new:  -> 2 lines", "~ file /c-edited: 1 line -> 1 line",
		"- file /d-gone: 2 lines -> ", "- file /e-empty: 0 lines -> ",
	}) {
		t.Errorf("changes: %q", got)
	}
}

// A chain of ours that only refuses some packets is harmless: where
// the profile states no policy, rules of others behind our jump go on matching.
func TestCompareWithoutPolicy(t *testing.T) {
	const clamp = "-A FORWARD -p tcp -j TCPMSS --clamp-mss-to-pmtu\n"
	bare := "*mangle\n:FORWARD ACCEPT [0:0]\n" + clamp + "COMMIT\n"
	ours := strings.NewReplacer(clamp, ":HARDENCTL-FORWARD - [0:0]\n-A FORWARD -j HARDENCTL-FORWARD\n"+clamp).Replace(bare)
	p := Compare(tablesOf(t, bare), tablesOf(t, strings.Replace(ours, clamp, "", 1)), states)
	if want := []string{
		"+ chain mangle HARDENCTL-FORWARD:  -> 0 rules", "+ rule mangle FORWARD 1:  -> -j HARDENCTL-FORWARD",
	}; !slices.Equal(shorts(p), want) {
		t.Errorf("got\n  %q\nwant\n  %q", shorts(p), want)
	}
	p = Compare(tablesOf(t, ours), tablesOf(t, strings.Replace(ours, clamp, "", 1)), states)
	if !p.Empty() || len(p.Notes) > 0 || !slices.Equal(p.Untouched, []Foreign{{Chain, 4, "mangle FORWARD", 1}}) {
		t.Errorf("changes %q, notes %q, untouched %v", shorts(p), p.Notes, p.Untouched)
	}
}

// The summary counts what is listed.
func TestSummary(t *testing.T) {
	have := tablesOf(t, inPlace(":HARDENCTL-OLD - [0:0]"))
	want := tablesOf(t, strings.ReplaceAll(wanted, "--dport 22 ", "--dport 2222 "))
	have.Sets = map[string]state.Set{"hardenctl-a": netSet("10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24")}
	want.Sets = map[string]state.Set{"hardenctl-a": netSet("10.0.0.0/8")}
	p := Compare(have, want, states)
	if p.Summary != (Summary{Add: 1, Change: 1, Remove: 2, Risky: 1}) {
		t.Errorf("summary %+v of %q", p.Summary, shorts(p))
	}
	if !p.Has(Rule) || !p.Has(Chain) || !p.Has(Set) || p.Has(Setting) || p.Has(File) || p.Has(Policy) {
		t.Errorf("kinds of %q", shorts(p))
	}
}
