package owned_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// Ownership is by name, and of rules in foreign chains by the jump.
func TestOwnership(t *testing.T) {
	for name, want := range map[string]bool{"HARDENCTL-INPUT": true, "HARDENCTL": false, "DOCKER": false, "hardenctl-input": false, "MY-HARDENCTL-X": false} {
		if owned.Chain(name) != want {
			t.Errorf("chain %s: %v", name, !want)
		}
	}
	for name, want := range map[string]bool{"hardenctl-ban-v4": true, "hardenctl": false, "f2b-sshd": false, "HARDENCTL-x": false} {
		if owned.Set(name) != want {
			t.Errorf("set %s: %v", name, !want)
		}
	}
	for spec, want := range map[string]bool{
		"-j HARDENCTL-INPUT":         true,
		"-i eth0 -g HARDENCTL-INPUT": true,
		"-j ACCEPT":                  false,
		"":                           false,
		`-m comment --comment "-j HARDENCTL-INPUT" -j ACCEPT`:      false,
		"-m set --match-set hardenctl-ban-v4 src -j DROP":          false,
		`-m comment --comment "odd quote -j HARDENCTL-INPUT`:       false,
		"-m string --string -j --algo bm -j HARDENCTL-INPUT":       true,
		"-m comment --comment -j -m comment --comment HARDENCTL-X": false,
	} {
		if owned.Rule(tablefile.Rule{Spec: spec}) != want {
			t.Errorf("rule %s: %v", spec, !want)
		}
	}
}

func chain(name, policy string, specs ...string) tablefile.Chain {
	c := tablefile.Chain{Name: name, Policy: policy}
	for _, spec := range specs {
		c.Rules = append(c.Rules, tablefile.Rule{Spec: spec, Packets: 7})
	}
	return c
}

// DROP with a hook is what a profile has stated, and comes off with it. DROP without a
// hook is foreign, and what is wanted decides where it says DROP.
func TestPolicies(t *testing.T) {
	drop, accept := chain("INPUT", "DROP"), chain("INPUT", "ACCEPT")
	hooked, open := chain("INPUT", "DROP", "-j MINE", "-j HARDENCTL-INPUT"), chain("INPUT", "ACCEPT", "-j HARDENCTL-INPUT")
	for _, c := range []struct {
		name       string
		have, want *tablefile.Chain
		releases   bool
	}{
		{"the hook goes", &hooked, &accept, true},
		{"nothing is wanted", &hooked, nil, true},
		{"the hook stays", &hooked, &open, false},
		{"DROP is wanted without a hook", &hooked, &drop, false},
		{"foreign DROP", &drop, &accept, false},
		{"foreign DROP, and nothing is wanted", &drop, nil, false},
		{"a hook under ACCEPT", &open, &accept, false},
		{"no chain", nil, &accept, false},
	} {
		if got := owned.Releases(c.have, c.want); got != c.releases {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if got := owned.Stated(tablefile.Table{Chains: []tablefile.Chain{hooked, drop, open}}); !slices.Equal(got, []string{"INPUT"}) {
		t.Errorf("stated are %q", got)
	}
}

// A table is what is ours and what is foreign, and the two share nothing but the
// built-in chains. Neither is changed in the table that it is taken from.
func TestPartAndOthers(t *testing.T) {
	table := tablefile.Table{Name: "filter", Chains: []tablefile.Chain{
		chain("INPUT", "DROP", "-j MINE", "-j HARDENCTL-INPUT"), chain("FORWARD", "ACCEPT", "-j MINE"),
		chain("HARDENCTL-INPUT", tablefile.UserPolicy, "-j DROP"), chain("HARDENCTL_INPUT", tablefile.UserPolicy),
		chain("MINE", tablefile.UserPolicy, "-j ACCEPT")}}
	part, others := owned.Part(table), owned.Others(table)
	if want := ":INPUT 1 :FORWARD 0 :HARDENCTL-INPUT 1 :HARDENCTL_INPUT 0"; shape(part) != want {
		t.Errorf("ours is %s, want %s", shape(part), want)
	}
	if want := ":INPUT 1 :FORWARD 1 :MINE 1"; shape(others) != want {
		t.Errorf("foreign is %s, want %s", shape(others), want)
	}
	hooks := owned.Hooks(table.Chain("INPUT"))
	if len(hooks) != 1 || hooks[0] != (owned.Hook{Number: 2, Rule: tablefile.Rule{Spec: "-j HARDENCTL-INPUT"}}) {
		t.Errorf("hooks are %+v", hooks)
	}
	if len(table.Chain("INPUT").Rules) != 2 || owned.First(table.Chain("INPUT")) || owned.Hooked(nil) || owned.First(nil) || owned.Hooks(nil) != nil {
		t.Error("the table was changed, or a hook found where none is")
	}
}

func shape(t tablefile.Table) string {
	var words []string
	for _, c := range t.Chains {
		words = append(words, fmt.Sprintf(":%s %d", c.Name, len(c.Rules)))
	}
	return strings.Join(words, " ")
}

// Hooks are in place if they are those wanted, first, in order, and no other is behind.
func TestInPlace(t *testing.T) {
	const a, b, mine = "-j HARDENCTL-A", "-j HARDENCTL-B", "-j MINE"
	for _, c := range []struct {
		have, want []string
		in         bool
	}{
		{nil, nil, true},
		{[]string{mine}, nil, true},
		{[]string{a, b, mine}, []string{a, b}, true},
		{[]string{b, a, mine}, []string{a, b}, false},
		{[]string{mine, a}, []string{a}, false},
		{[]string{a, mine, b}, []string{a}, false},
		{[]string{a}, []string{a, b}, false},
	} {
		if got := owned.InPlace(chain("", "", c.have...).Rules, chain("", "", c.want...).Rules, nil); got != c.in {
			t.Errorf("%q for %q: %v", c.have, c.want, got)
		}
	}
}

// Every line of a file that is not ours stays, in any form.
func TestTakeOut(t *testing.T) {
	const text = "# HARDENCTL-INPUT\n*filter\n:INPUT DROP [7:420]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [1:2]\n:HARDENCTL-INPUT - [0:0]\n" +
		"[3:4] -A INPUT  -g  HARDENCTL-INPUT\n-I FORWARD 1 -j HARDENCTL-FORWARD\n-F HARDENCTL-INPUT\n-A INPUT -m set --match-set hardenctl-a src -j MINE\nCOMMIT\n"
	const want = "# HARDENCTL-INPUT\n*filter\n:INPUT DROP [7:420]\n:FORWARD ACCEPT [0:0]\n:OUTPUT DROP [1:2]\n" +
		"-A INPUT -m set --match-set hardenctl-a src -j MINE\nCOMMIT\n"
	f, err := tablefile.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	coming, err := tablefile.Read([]byte("*filter\n:INPUT DROP [0:0]\n:HARDENCTL-NEW - [0:0]\n-A INPUT -j HARDENCTL-NEW\nCOMMIT\n"))
	if err != nil {
		t.Fatal(err)
	}
	owned.TakeOut(&f, coming)
	if got := string(f.Bytes()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !owned.InFile([]byte(text)) || owned.InFile([]byte(want)) || !owned.InFile([]byte("cut off\n-A INPUT -j HARDENCTL-X")) {
		t.Error("a file with a line of ours is not told from one without")
	}
}
