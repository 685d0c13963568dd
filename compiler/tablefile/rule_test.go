package tablefile_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

var held = tablefile.SetMatch{Set: "hardenctl_trial_v4", Direction: "src"}

// Edits change what they say, wherever a comment or a prefix of the log holds the same
// words, and can be undone.
func TestEdits(t *testing.T) {
	for _, c := range []struct{ spec, target, with string }{
		{"-j A", "-j B", "-m set --match-set hardenctl_trial_v4 src -j A"},
		{"-p tcp -g A", "-p tcp -g B", "-p tcp -m set --match-set hardenctl_trial_v4 src -g A"},
		{`-m comment --comment "-j A" -j A`, `-m comment --comment "-j A" -j B`, `-m comment --comment "-j A" -m set --match-set hardenctl_trial_v4 src -j A`},
		{`-m comment --comment -j -j A`, `-m comment --comment -j -j B`, `-m comment --comment -j -m set --match-set hardenctl_trial_v4 src -j A`},
		{`-j LOG --log-prefix "-j A"`, `-j B --log-prefix "-j A"`, `-m set --match-set hardenctl_trial_v4 src -j LOG --log-prefix "-j A"`},
		{"-p tcp", "-p tcp", "-p tcp -m set --match-set hardenctl_trial_v4 src"},
		{"", "", "-m set --match-set hardenctl_trial_v4 src"},
	} {
		r := tablefile.Rule{Spec: c.spec, Packets: 3}
		with := r.With(held)
		if got := r.WithTarget("B").Spec; got != c.target {
			t.Errorf("%q with another target: %q", c.spec, got)
		}
		if with.Spec != c.with || !with.Asks(held) || r.Asks(held) || with.Without(held) != r {
			t.Errorf("%q with a match: %q, and without it again %q", c.spec, with.Spec, with.Without(held).Spec)
		}
		not := held
		not.Not = true
		if with.Asks(not) || !r.With(not).Asks(not) || r.With(not).Asks(held) {
			t.Errorf("%q: the match and its opposite are one", c.spec)
		}
	}
	odd := tablefile.Rule{Spec: `-m comment --comment "odd -j A`}
	if odd.WithTarget("B") != odd || odd.With(held) != odd || odd.RenameSets(strings.ToUpper) != odd {
		t.Error("a rule that cannot be split was changed")
	}
	if got := tablefile.Jump("DROP").Target(); got != "DROP" {
		t.Errorf("a jump to DROP goes to %q", got)
	}
}

// Sets are renamed in every match and target that names one, and nowhere else.
func TestRenameSets(t *testing.T) {
	r := tablefile.Rule{Spec: `-m set ! --match-set a src -m set --match-set a-b src,dst -m comment --comment "--match-set a src" -j SET --add-set a src --exist --timeout 5`}
	want := `-m set ! --match-set x-a src -m set --match-set x-a-b src,dst -m comment --comment "--match-set a src" -j SET --add-set x-a src --exist --timeout 5`
	if got := r.RenameSets(func(name string) string { return "x-" + name }).Spec; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if n := r.UsesOfSet("a"); n != 2 {
		t.Errorf("a is named %d times", n)
	}
}

// What a rule asks is split into its matches, each with its options and its "!".
func TestMatches(t *testing.T) {
	r := tablefile.Rule{Spec: `! -s 192.0.2.0/24 -i -j ! -p tcp -m tcp ! --dport 22 --tcp-flags SYN,ACK SYN -m comment --comment "-m x" -m set ! --match-set a src -j LOG --log-prefix "-m y"`}
	want := []tablefile.Match{
		{Words: []string{"!", "-s", "192.0.2.0/24"}},
		{Words: []string{"-i", "-j"}},
		{Words: []string{"!", "-p", "tcp"}},
		{Name: "tcp", Words: []string{"!", "--dport", "22", "--tcp-flags", "SYN,ACK", "SYN"}},
		{Name: "comment", Words: []string{"--comment", "-m x"}},
		{Name: "set", Words: []string{"!", "--match-set", "a", "src"}},
	}
	got, err := r.Matches()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: got %q", err, got)
	}
	names, target := r.Extensions()
	if !slices.Equal(names, []string{"tcp", "comment", "set"}) || target != "LOG" || !slices.Equal(r.TargetOptions(), []string{"--log-prefix", "-m y"}) {
		t.Errorf("extensions %q, target %q with %q", names, target, r.TargetOptions())
	}
}

// A comment asks nothing, nor does what every packet of a protocol is.
func TestHasMatch(t *testing.T) {
	for spec, want := range map[string]bool{"-p tcp -j DROP": false, "-m comment --comment x": false, "-m tcp --dport 1": true, `-m recent --name a"b -j DROP`: true} {
		if got := (tablefile.Rule{Spec: spec}).HasMatch(); got != want {
			t.Errorf("%q has a match: %v", spec, got)
		}
	}
}

// Of any text, an edit does what its name says, and the rest of the rule stays.
func FuzzRule(f *testing.F) {
	for _, c := range split {
		f.Add(c.spec)
	}
	f.Add(`-m set --match-set a src -m comment --comment "x y"-j A --to "b c"`)
	f.Add(`! -s 1.2.3.4 -m tcp ! --dport 22 -m set ! --match-set hardenctl_trial_v4 src -g B`)
	f.Fuzz(func(t *testing.T, text string) {
		r := tablefile.Rule{Spec: strings.Trim(text, " \t\r\n")}
		words, err := tablefile.Words(r.Spec)
		if err != nil {
			return
		}
		if r.RenameSets(func(name string) string { return tablefile.Quote(name) }).Target() != r.Target() {
			t.Errorf("%q: renamed to %q", r.Spec, r.RenameSets(tablefile.Quote).Spec)
		}
		if to := r.WithTarget("OTHER"); r.Target() != "" && to.Target() != "OTHER" {
			t.Errorf("%q: with a target %q", r.Spec, to.Spec)
		}
		if with := r.With(held); !r.Asks(held) && r.Target() != "" && (!with.Asks(held) || with.Without(held) != r) {
			t.Errorf("%q: with a match %q, and without %q", r.Spec, with.Spec, with.Without(held).Spec)
		}
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = tablefile.Quote(w)
		}
		if again, err := tablefile.Words(strings.Join(quoted, " ")); err != nil || !slices.Equal(again, words) {
			t.Errorf("%q: words %q, quoted %q, %v", r.Spec, words, again, err)
		}
		r.Matches()
		r.TargetOptions()
	})
}
