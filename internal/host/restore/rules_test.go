package restore

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// tables is a family's filter table with these chains.
func tables(chains ...tablefile.Chain) state.State {
	return state.State{Tables: map[state.TableID]tablefile.Table{
		{Family: ruleset.V4, Name: "filter"}: {Name: "filter", Chains: chains}}}
}

func chain(name, policy string, specs ...string) tablefile.Chain {
	c := tablefile.Chain{Name: name, Policy: policy}
	for _, s := range specs {
		c.Rules = append(c.Rules, tablefile.Rule{Spec: s})
	}
	return c
}

// A file counts as ours if INPUT has our jump.
func TestHooked(t *testing.T) {
	for name, c := range map[string]struct {
		rules []string
		want  bool
	}{
		"first":            {[]string{"-j HARDENCTL-INPUT", "-j ACCEPT"}, true},
		"behind others":    {[]string{"-j ACCEPT", "-j HARDENCTL-INPUT"}, true},
		"not at all":       {[]string{"-j ACCEPT"}, false},
		"no rule":          {nil, false},
		"only in a remark": {[]string{`-m comment --comment "-j HARDENCTL-INPUT" -j ACCEPT`}, false},
	} {
		if got := hooked(tables(chain("INPUT", "DROP", c.rules...)), ruleset.V4); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if hooked(tables(), ruleset.V4) || hooked(tables(chain("INPUT", "DROP", "-j HARDENCTL-INPUT")), ruleset.V6) {
		t.Error("hooked where there is nothing")
	}
}

func TestUnused(t *testing.T) {
	for name, c := range map[string]struct {
		s    state.State
		want bool
	}{
		"no table":       {state.State{}, true},
		"an empty table": {tables(chain("INPUT", "ACCEPT")), true},
		"a policy":       {tables(chain("INPUT", "DROP")), false},
		"a rule":         {tables(chain("INPUT", "ACCEPT", "-j ACCEPT")), false},
		"a chain":        {tables(chain("INPUT", "ACCEPT"), chain("DOCKER", tablefile.UserPolicy)), false},
	} {
		if got := unused(c.s); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Of a file's tables there is left what is ours; the file itself stays.
func TestOwn(t *testing.T) {
	file := tables(
		chain("INPUT", "DROP", "-j HARDENCTL-INPUT", "-j MINE"), chain("FORWARD", "ACCEPT", "-j MINE"),
		chain("HARDENCTL-INPUT", tablefile.UserPolicy, "-j DROP"), chain("MINE", tablefile.UserPolicy, "-j ACCEPT"))
	id := state.TableID{Family: ruleset.V4, Name: "filter"}
	got := own(file).Tables[id]
	if len(got.Chains) != 3 || len(got.Chain("INPUT").Rules) != 1 || len(got.Chain("FORWARD").Rules) != 0 || got.Chain("MINE") != nil {
		t.Errorf("got %+v", got)
	}
	if len(file.Tables[id].Chain("INPUT").Rules) != 2 {
		t.Error("the file was changed")
	}
}

// Only fallback rules that are whole are taken for such.
func TestCloses(t *testing.T) {
	for text, want := range map[string]bool{
		"# Compiled\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n":   true,
		"# Compiled\n*filter\n:INPUT DROP [0:0]\n":           false,
		"# Compiled\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n": false,
		"": false,
	} {
		if closes([]byte(text)) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
	for family, text := range builtIn {
		if !closes([]byte(text)) {
			t.Errorf("the built-in rules of IPv%d do not close", family)
		}
	}
}

func TestOwnSets(t *testing.T) {
	got := ownSets([]byte("create hardenctl-a hash:ip\ncreate cdn hash:net\nadd hardenctl-a 192.0.2.1\nadd cdn 10.0.0.0/8\nadd hardenctl-a 192.0.2.2\ncreate hardenctl-b hash:ip\n\n"))
	if len(got) != 2 || got["hardenctl-a"] != 2 || got["hardenctl-b"] != 0 {
		t.Errorf("got %v", got)
	}
}

// A host is closed and nothing more if there is what closes it, in whatever order
// the tool prints chains, and there is nothing beside it.
func TestIsOnly(t *testing.T) {
	const text = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:HARDENCTL-INPUT - [0:0]\n-A INPUT -j HARDENCTL-INPUT\n-A HARDENCTL-INPUT -j DROP\nCOMMIT\n"
	ours := chain("HARDENCTL-INPUT", tablefile.UserPolicy, "-j DROP")
	hook := chain("INPUT", "DROP", "-j HARDENCTL-INPUT")
	forward, output := chain("FORWARD", "ACCEPT"), chain("OUTPUT", "ACCEPT")
	nat := tables(hook, forward, output, ours)
	nat.Tables[state.TableID{Family: ruleset.V4, Name: "nat"}] = tablefile.Table{Name: "nat", Chains: []tablefile.Chain{chain("PREROUTING", "ACCEPT", "-j DOCKER")}}
	for name, c := range map[string]struct {
		have state.State
		want bool
	}{
		"closed":                      {tables(ours, hook, forward, output), true},
		"with another rule":           {tables(chain("INPUT", "DROP", "-j HARDENCTL-INPUT", "-j ACCEPT"), forward, output, ours), false},
		"with another chain":          {tables(hook, forward, output, ours, chain("DOCKER", tablefile.UserPolicy)), false},
		"with another policy":         {tables(hook, chain("FORWARD", "DROP"), output, ours), false},
		"with rules of another table": {nat, false},
		"without rules":               {tables(chain("INPUT", "ACCEPT")), false},
		"without tables":              {state.State{}, false},
	} {
		if got := isOnly(c.have, []byte(text)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
