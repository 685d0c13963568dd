package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/answer"
)

// Diff compares what profiles mean: neither order nor comments are a difference, and one
// service is one difference a family.
func TestDiff(t *testing.T) {
	reordered := strings.Replace(asked, "[services.web]\nports = [\"tcp/80\"]", "[services.a]\nports = [\"tcp/80\"]", 1)
	enter(t, map[string]string{
		"a.toml":         asked,
		"reordered.toml": reordered,
		"more.toml":      asked + "[services.more]\nports = [\"tcp/8000-8100\"]\nfrom = [\"@office\"]\n",
		"less.toml":      strings.Replace(asked, `ports = ["tcp/80"]`, `ports = ["udp/80"]`, 1),
	})
	for pair, wants := range map[string][]string{
		"a.toml a.toml":         {"No packet is decided differently, nor added to other sets."},
		"a.toml reordered.toml": {"No packet is decided differently, nor added to other sets."},
		"a.toml more.toml": {
			"IPv4, to this host: newly accepted\n  tcp/8000-8100 from @office\n    example: tcp 203.0.11", "after:   ACCEPT, rule ", "more.toml:14: services.more",
		},
		"a.toml less.toml": {"newly accepted\n  udp/80 from everyone but access.block", "no longer accepted\n  tcp/80 from everyone but access.block"},
	} {
		r := run(t, append([]string{"diff"}, strings.Fields(pair)...)...)
		code := 2
		if strings.HasPrefix(wants[0], "No packet") {
			code = 0
		}
		for _, want := range wants {
			if r.code != code || !strings.Contains(r.stdout, want) {
				t.Errorf("%s: exit code %d, %q is not in\n%s%s", pair, r.code, want, r.stdout, r.stderr)
			}
		}
	}
}

// A bundle and a dump are compared as a profile is: with its sets, a dump means the same.
func TestDiffOfFiles(t *testing.T) {
	enter(t, map[string]string{"a.toml": asked})
	run(t, "compile", "a.toml", "-o", "out")
	for line, want := range map[string]int{
		"a.toml out":                              0,
		"out/rules.v4 out --sets-a out/ipsets":    0,
		"out/rules.v6 a.toml --sets-a out/ipsets": 0,
		"out/rules.v4 out/rules.v6":               1,
		"out/rules.v4 out --sets-a gone":          1,
	} {
		if r := run(t, append([]string{"diff"}, strings.Fields(line)...)...); r.code != want {
			t.Errorf("%s: exit code %d\n%s%s", line, r.code, r.stdout, r.stderr)
		}
	}
	r := run(t, "diff", "a.toml", "builtin:web", "--json")
	var v answer.DiffView
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || v.Equal || r.code != 2 {
		t.Fatalf("%v, exit code %d: %s", err, r.code, r.stderr)
	}
	for _, d := range v.Differences {
		if d.Example == "" || (d.Before.Verdict == d.After.Verdict) != (len(d.Sets) > 0) || d.What == "" || d.Usual && len(d.Conditions) > 0 {
			t.Errorf("%+v", d)
		}
	}
}
