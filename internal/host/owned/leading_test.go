package owned_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// leads is what a table has beside INPUT: a chain that matches, one that does not, and ours.
var leads = tablefile.Table{Name: "filter", Chains: []tablefile.Chain{
	chain("INPUT", "ACCEPT"), chain("f2b-sshd", "-"), chain("ts-input", "-"), chain("MINE", "-"), chain("HARDENCTL-A", "-"),
}}

// Patterns name chains that the table has, of others alone: never a target such as DROP.
func TestLeadingIn(t *testing.T) {
	for _, c := range []struct {
		patterns []string
		want     string
	}{
		{nil, ""},
		{[]string{"f2b-*"}, "f2b-sshd"},
		{[]string{"f2b-", "f2b"}, ""},
		{[]string{"ts-input", "ts-forward"}, "ts-input"},
		{[]string{"D*", "INPUT", "I*", "H*", "HARDENCTL-A"}, ""},
	} {
		var got []string
		for name := range owned.LeadingIn(leads, c.patterns) {
			got = append(got, name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %q, want %q", c.patterns, got, c.want)
		}
	}
}

// Leading jumps may come before hooks and behind them; a hook that comes in goes behind
// them, and before everything else.
func TestPlace(t *testing.T) {
	const a, b, mine, bans, tail, drop = "-j HARDENCTL-A", "-j HARDENCTL-B", "-j MINE", "-p tcp -m multiport --dports 22 -j f2b-sshd", "-g ts-input", "-j DROP"
	leading := owned.LeadingIn(leads, []string{"f2b-*", "ts-input", "D*"})
	for _, c := range []struct {
		have, want, placed []string
	}{
		{nil, []string{a}, []string{a}},
		{[]string{bans}, []string{a}, []string{bans, a}},
		{[]string{bans, tail, mine}, []string{a, b}, []string{bans, tail, a, b, mine}},
		{[]string{bans, a, mine}, []string{a}, []string{bans, a, mine}},
		{[]string{a, bans, mine}, []string{a}, []string{a, bans, mine}},
		{[]string{tail, a, bans}, []string{a}, []string{tail, a, bans}},
		{[]string{tail, a, bans}, []string{b}, []string{tail, b, bans}},
		{[]string{bans, mine, a}, []string{a}, []string{bans, a, mine}},
		{[]string{mine, bans, a}, []string{a}, []string{a, mine, bans}},
		{[]string{drop, a}, []string{a}, []string{a, drop}},
		{[]string{bans, a, tail}, nil, []string{bans, tail}},
		{[]string{bans, b, tail, a}, []string{a, b}, []string{bans, a, b, tail}},
	} {
		have, want := chain("", "", c.have...).Rules, chain("", "", c.want...).Rules
		before := slices.Clone(have)
		placed := owned.Place(have, want, leading)
		if !tablefile.SameRules(placed, chain("", "", c.placed...).Rules) || !slices.Equal(have, before) {
			t.Errorf("%q for %q: %+v, and have is %+v", c.want, c.have, placed, have)
		}
		if got := owned.InPlace(have, want, leading); got != slices.Equal(c.have, c.placed) {
			t.Errorf("%q for %q in place: %v", c.want, c.have, got)
		}
		if !owned.InPlace(placed, want, leading) {
			t.Errorf("%q for %q: %+v is placed, and not in place", c.want, c.have, placed)
		}
	}
}

// A table that is wanted gets the rules of others in the chains of hooks, and no chain more.
func TestPlaced(t *testing.T) {
	have := tablefile.Table{Name: "filter", Chains: []tablefile.Chain{chain("INPUT", "ACCEPT", "-j f2b-sshd", "-j MINE"), chain("FORWARD", "DROP", "-j MINE"), chain("f2b-sshd", "-"), chain("MINE", "-")}}
	want := tablefile.Table{Name: "filter", Chains: []tablefile.Chain{chain("INPUT", "DROP", "-j HARDENCTL-A"), chain("HARDENCTL-A", "-", "-j DROP")}}
	placed := owned.Placed(have, want, []string{"f2b-*"})
	if got := shape(placed); got != ":INPUT 3 :HARDENCTL-A 1" || placed.Chains[0].Rules[1].Spec != "-j HARDENCTL-A" || placed.Chains[0].Policy != "DROP" {
		t.Errorf("%+v", placed)
	}
	if len(want.Chains[0].Rules) != 1 {
		t.Error("the table that is wanted was changed")
	}
}
