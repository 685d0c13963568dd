package apply

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/dataplane/fake"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// tableOf reads the filter table with these lines.
func tableOf(t *testing.T, lines ...string) tablefile.Table {
	t.Helper()
	s, err := tablefile.Parse([]byte("*filter\n" + strings.Join(lines, "\n") + "\nCOMMIT\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s.Tables[0]
}

// A transaction writes only what changes.
func TestTransaction(t *testing.T) {
	wanted := []string{
		":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", ":HARDENCTL-SSH - [0:0]",
		"-A INPUT -j HARDENCTL-INPUT", "-A HARDENCTL-INPUT -p tcp -j HARDENCTL-SSH", "-A HARDENCTL-INPUT -j DROP",
		"-A HARDENCTL-SSH -j ACCEPT",
	}
	for _, c := range []struct {
		name          string
		current, want []string
		text          string
	}{
		{"nothing", wanted, wanted, ""},
		{"only counters differ", []string{
			":INPUT DROP [9:900]", ":HARDENCTL-INPUT - [0:0]", "[5:50] -A INPUT -j HARDENCTL-INPUT", "[5:50] -A HARDENCTL-INPUT -j DROP",
		}, []string{
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j HARDENCTL-INPUT", "-A HARDENCTL-INPUT -j DROP",
		}, ""},
		{"a bare table", nil, wanted, `*filter
:INPUT DROP [0:0]
:HARDENCTL-INPUT - [0:0]
:HARDENCTL-SSH - [0:0]
[0:0] -A HARDENCTL-INPUT -p tcp -j HARDENCTL-SSH
[0:0] -A HARDENCTL-INPUT -j DROP
[0:0] -A HARDENCTL-SSH -j ACCEPT
-I INPUT 1 -j HARDENCTL-INPUT
COMMIT
`},
		{"back to bare", wanted, nil, `*filter
:INPUT ACCEPT [0:0]
-D INPUT -j HARDENCTL-INPUT
-F HARDENCTL-INPUT
-F HARDENCTL-SSH
-X HARDENCTL-INPUT
-X HARDENCTL-SSH
COMMIT
`},
		{"a rule is new, the others are not touched", []string{
			":INPUT DROP [7:70]", ":HARDENCTL-INPUT - [0:0]", "[3:30] -A INPUT -j HARDENCTL-INPUT",
			"[1:10] -A HARDENCTL-INPUT -j LOG", "[2:20] -A HARDENCTL-INPUT -j LOG", "[4:40] -A HARDENCTL-INPUT -j DROP",
		}, []string{
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j HARDENCTL-INPUT",
			"-A HARDENCTL-INPUT -p udp -j ACCEPT", "-A HARDENCTL-INPUT -j LOG", "-A HARDENCTL-INPUT -j LOG", "-A HARDENCTL-INPUT -j DROP",
		}, `*filter
:INPUT DROP [7:70]
[0:0] -I HARDENCTL-INPUT 1 -p udp -j ACCEPT
COMMIT
`},
		{"rules go, come and move, with what they have counted", []string{
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j HARDENCTL-INPUT",
			"[1:10] -A HARDENCTL-INPUT -j LOG", "[2:20] -A HARDENCTL-INPUT -p tcp -j ACCEPT", "[4:40] -A HARDENCTL-INPUT -p udp -j ACCEPT", "[8:80] -A HARDENCTL-INPUT -j DROP",
		}, []string{
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j HARDENCTL-INPUT",
			"-A HARDENCTL-INPUT -p udp -j ACCEPT", "-A HARDENCTL-INPUT -j LOG", "-A HARDENCTL-INPUT -j REJECT",
		}, `*filter
:INPUT DROP [0:0]
-D HARDENCTL-INPUT 1
-D HARDENCTL-INPUT 1
-D HARDENCTL-INPUT 2
[1:10] -I HARDENCTL-INPUT 2 -j LOG
[0:0] -I HARDENCTL-INPUT 3 -j REJECT
COMMIT
`},
		{"the policy changes and keeps its count", []string{":INPUT ACCEPT [7:70]", "-A INPUT -j LOG"}, []string{":INPUT DROP [0:0]"}, `*filter
:INPUT DROP [7:70]
COMMIT
`},
		{"a policy that the profile does not state stays", []string{":FORWARD DROP [0:0]"}, []string{":FORWARD ACCEPT [0:0]"}, ""},
		{"built-in chains of others are not declared: their policy may have changed since", []string{
			":INPUT ACCEPT [1:10]", ":FORWARD DROP [2:20]", ":MINE - [0:0]", "-A FORWARD -j MINE",
		}, []string{":INPUT DROP [0:0]", ":FORWARD ACCEPT [0:0]"}, `*filter
:INPUT DROP [1:10]
COMMIT
`},
		{"the jump moves to the front and loses its double", []string{
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j LOG", "-A INPUT -j HARDENCTL-INPUT", "-A INPUT -j HARDENCTL-INPUT", "-A HARDENCTL-INPUT -j DROP",
		}, []string{
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j HARDENCTL-INPUT", "-A HARDENCTL-INPUT -j DROP",
		}, `*filter
:INPUT DROP [0:0]
-D INPUT -j HARDENCTL-INPUT
-D INPUT -j HARDENCTL-INPUT
-I INPUT 1 -j HARDENCTL-INPUT
COMMIT
`},
		{"what was on trial takes its place, with what it has counted", []string{
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", ":HARDENCTL_INPUT - [0:0]",
			"-A INPUT -m set --match-set hardenctl_trial_v4 src -j HARDENCTL_INPUT",
			"-A INPUT -m set ! --match-set hardenctl_trial_v4 src -j HARDENCTL-INPUT",
			"[1:10] -A HARDENCTL-INPUT -j LOG", "[2:20] -A HARDENCTL-INPUT -j DROP",
			"[4:40] -A HARDENCTL_INPUT -p tcp -j ACCEPT", "[8:80] -A HARDENCTL_INPUT -j DROP",
		}, []string{
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j HARDENCTL-INPUT",
			"-A HARDENCTL-INPUT -p tcp -j ACCEPT", "-A HARDENCTL-INPUT -j DROP",
		}, `*filter
:INPUT DROP [0:0]
-D INPUT -m set --match-set hardenctl_trial_v4 src -j HARDENCTL_INPUT
-D INPUT -m set ! --match-set hardenctl_trial_v4 src -j HARDENCTL-INPUT
-D HARDENCTL-INPUT 1
[4:40] -I HARDENCTL-INPUT 1 -p tcp -j ACCEPT
-I INPUT 1 -j HARDENCTL-INPUT
-F HARDENCTL_INPUT
-X HARDENCTL_INPUT
COMMIT
`},
		{"going back to a place that is not there any more", []string{
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j HARDENCTL-INPUT", "-A INPUT -j LOG",
		}, []string{
			":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j LOG", "-A INPUT -j LOG", "-A INPUT -j LOG", "-A INPUT -j HARDENCTL-INPUT",
		}, `*filter
:INPUT DROP [0:0]
-D INPUT -j HARDENCTL-INPUT
-I INPUT 2 -j HARDENCTL-INPUT
COMMIT
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := string(transaction(tableOf(t, c.current...), tableOf(t, c.want...), []string{"INPUT"}))
			if got != c.text {
				t.Errorf("got\n%swant\n%s", got, c.text)
			}
		})
	}
}

// Whatever is there and whatever is wanted: afterwards what is ours is as
// wanted, what is not is untouched, and the same way back leads to what was.
func TestTransactionProperty(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 3000 {
		current, target := randomTable(random, true), randomTable(random, false)
		after := load(t, current, target)
		checkOurs(t, after, target)
		checkCounters(t, current, after)
		if got, want := foreign(after), foreign(current); got != want {
			t.Fatalf("others had\n%s\nand have\n%s", want, got)
		}
		if again := transaction(after, target, statedPolicies); again != nil {
			t.Fatalf("a second time it does\n%s", again)
		}
		back := load(t, after, current)
		if got, want := specs(back), specs(current); got != want {
			t.Fatalf("the way back leads to\n%s\nand not to\n%s", got, want)
		}
	}
}

var statedPolicies = []string{"INPUT", "OUTPUT"}

// randomTable is a host's table, with rules of others and ours anywhere, or a
// bundle's, with our jumps first.
func randomTable(r *rand.Rand, host bool) tablefile.Table {
	t := tablefile.Table{Name: "filter"}
	for _, name := range []string{"INPUT", "OUTPUT"} {
		t.Chains = append(t.Chains, tablefile.Chain{Name: name, Policy: pick(r, "ACCEPT", "DROP"), Packets: uint64(r.Intn(9))})
	}
	var own []string
	for _, name := range []string{"HARDENCTL-A", "HARDENCTL-B", "HARDENCTL-C"} {
		if r.Intn(3) > 0 {
			own = append(own, name)
			t.Chains = append(t.Chains, tablefile.Chain{Name: name, Policy: tablefile.UserPolicy, Rules: randomRules(r, host)})
		}
	}
	for i := range 2 {
		t.Chains[i].Rules = randomJumps(r, own)
		if host {
			t.Chains[i].Rules = append(t.Chains[i].Rules, randomRules(r, true)...)
			r.Shuffle(len(t.Chains[i].Rules), func(a, b int) {
				rules := t.Chains[i].Rules
				rules[a], rules[b] = rules[b], rules[a]
			})
		}
	}
	if host {
		t.Chains = append(t.Chains, tablefile.Chain{Name: "DOCKER", Policy: tablefile.UserPolicy, Rules: randomRules(r, true)})
	}
	return t
}

func pick(r *rand.Rand, words ...string) string { return words[r.Intn(len(words))] }

func randomRules(r *rand.Rand, counted bool) []tablefile.Rule {
	var rules []tablefile.Rule
	for range r.Intn(5) {
		rule := tablefile.Rule{Spec: pick(r, "-p tcp -j ACCEPT", "-p udp -j ACCEPT", "-j LOG", "-j DROP", "-p esp -j ACCEPT")}
		if counted {
			rule.Packets = uint64(r.Intn(4))
			rule.Bytes = rule.Packets * 40
		}
		rules = append(rules, rule)
	}
	return rules
}

// randomJumps goes to chains that exist.
func randomJumps(r *rand.Rand, own []string) []tablefile.Rule {
	var rules []tablefile.Rule
	for range r.Intn(3) {
		if len(own) > 0 {
			rules = append(rules, tablefile.Rule{Spec: pick(r, "", "-p tcp ") + "-j " + pick(r, own...)})
		}
	}
	return rules
}

// load runs the transaction from current to target on a model of the kernel.
func load(t *testing.T, current, target tablefile.Table) tablefile.Table {
	t.Helper()
	text := transaction(current, target, statedPolicies)
	after, err := fake.Restore(current, string(text))
	if err != nil {
		t.Fatalf("%v in\n%sfrom\n%s", err, text, specs(current))
	}
	return after
}

func checkOurs(t *testing.T, after, target tablefile.Table) {
	t.Helper()
	for _, c := range target.Chains {
		have := after.Chain(c.Name)
		switch {
		case have == nil:
			t.Fatalf("no chain %s", c.Name)
		case owned.Chain(c.Name) && !tablefile.SameRules(have.Rules, c.Rules):
			t.Fatalf("chain %s is %v, want %v", c.Name, have.Rules, c.Rules)
		case !owned.Chain(c.Name) && (have.Policy != c.Policy || !tablefile.SameRules(have.Rules[:len(c.Rules)], c.Rules)):
			t.Fatalf("chain %s begins %v, want %v", c.Name, have, c)
		}
	}
	for _, c := range after.Chains {
		want := target.Chain(c.Name)
		if owned.Chain(c.Name) && want == nil {
			t.Fatalf("chain %s is still there", c.Name)
		}
		if n := len(owned.Hooks(&c)); !owned.Chain(c.Name) && want != nil && n != len(want.Rules) {
			t.Fatalf("chain %s has %d jumps of ours, want %d", c.Name, n, len(want.Rules))
		}
	}
}

// checkCounters makes sure that rules alike keep what they counted, as far as
// there are rules alike, and whichever of them stay.
func checkCounters(t *testing.T, before, after tablefile.Table) {
	t.Helper()
	for _, c := range before.Chains {
		now := after.Chain(c.Name)
		if !owned.Chain(c.Name) || now == nil {
			continue
		}
		old, kept := counts(c.Rules), counts(now.Rules)
		for spec, list := range kept {
			left := slices.Clone(old[spec])
			for _, n := range list {
				if i := slices.Index(left, n); i >= 0 {
					left = slices.Delete(left, i, i+1)
				}
			}
			if lost := len(left); lost != max(0, len(old[spec])-len(list)) {
				t.Fatalf("chain %s, %q: counted %v, now %v", c.Name, spec, old[spec], list)
			}
		}
	}
}

// counts lists what rules alike have counted, in order.
func counts(rules []tablefile.Rule) map[string][]uint64 {
	lists := map[string][]uint64{}
	for _, r := range rules {
		lists[r.Spec] = append(lists[r.Spec], r.Packets)
	}
	return lists
}

// foreign is what a table has of others, with its counters.
func foreign(table tablefile.Table) string {
	var b strings.Builder
	for _, c := range table.Chains {
		if owned.Chain(c.Name) {
			continue
		}
		fmt.Fprintf(&b, "%s %d\n", c.Name, c.Packets)
		for _, r := range c.Rules {
			if !owned.Rule(r) {
				fmt.Fprintf(&b, "  %v\n", r)
			}
		}
	}
	return b.String()
}

// specs is a table without its counters, chains in order of their names.
func specs(table tablefile.Table) string {
	table.Chains = slices.SortedFunc(slices.Values(table.Chains), func(a, b tablefile.Chain) int { return strings.Compare(a.Name, b.Name) })
	return string(tablefile.Render([]tablefile.Table{table}, false))
}
