package trial

import (
	"fmt"
	"hash/fnv"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

var filter = state.TableID{Family: ruleset.V4, Name: "filter"}

// tables reads the filter table of IPv4 with these lines.
func tables(t *testing.T, lines ...string) Tables {
	t.Helper()
	s, err := tablefile.Parse([]byte("*filter\n" + strings.Join(lines, "\n") + "\nCOMMIT\n"))
	if err != nil {
		t.Fatal(err)
	}
	return Tables{filter: s.Tables[0]}
}

func text(tables Tables) string {
	t := tables[filter]
	return string(tablefile.Render([]tablefile.Table{t}, false))
}

// What changes has a copy, and so has what leads to it; the rest is shared.
func TestBetween(t *testing.T) {
	have := tables(t,
		":INPUT DROP [0:0]", ":OUTPUT ACCEPT [0:0]", ":HARDENCTL-INPUT - [0:0]", ":HARDENCTL-OLD - [0:0]", ":HARDENCTL-OUTPUT - [0:0]", ":HARDENCTL-SSH - [0:0]",
		"-A INPUT -s 192.0.2.1/32 -j LOG",
		"-A INPUT -j HARDENCTL-INPUT",
		"-A INPUT -j DOCKER-USER",
		"-A OUTPUT -p icmp -j HARDENCTL-OUTPUT",
		"-A HARDENCTL-INPUT -m set --match-set hardenctl-ban-v4 src -j DROP",
		"-A HARDENCTL-INPUT -j HARDENCTL-SSH", "-A HARDENCTL-INPUT -j HARDENCTL-OLD", "-A HARDENCTL-OLD -j DROP",
		"-A HARDENCTL-OUTPUT -j DROP", "-A HARDENCTL-SSH -j ACCEPT")
	want := tables(t,
		":INPUT DROP [0:0]", ":OUTPUT ACCEPT [0:0]", ":HARDENCTL-INPUT - [0:0]", ":HARDENCTL-OUTPUT - [0:0]", ":HARDENCTL-SSH - [0:0]",
		"-A INPUT -p tcp -g HARDENCTL-INPUT",
		"-A OUTPUT -p icmp -j HARDENCTL-OUTPUT",
		"-A HARDENCTL-INPUT -m set --match-set hardenctl-ban-v4 src -j DROP",
		"-A HARDENCTL-INPUT -j HARDENCTL-SSH", "-A HARDENCTL-INPUT -j SET --add-set hardenctl-ban-v4 src --exist",
		"-A HARDENCTL-OUTPUT -j DROP", "-A HARDENCTL-SSH -j ACCEPT")
	got := text(Between(have, want, map[string]bool{"hardenctl-ban-v4": true}, nil))
	if want := `*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
:HARDENCTL-INPUT - [0:0]
:HARDENCTL-OLD - [0:0]
:HARDENCTL-OUTPUT - [0:0]
:HARDENCTL-SSH - [0:0]
:HARDENCTL_INPUT - [0:0]
-A INPUT -p tcp -m set --match-set hardenctl_trial_v4 src -g HARDENCTL_INPUT
-A INPUT -s 192.0.2.1/32 -j LOG
-A INPUT -m set ! --match-set hardenctl_trial_v4 src -j HARDENCTL-INPUT
-A INPUT -j DOCKER-USER
-A OUTPUT -p icmp -j HARDENCTL-OUTPUT
-A HARDENCTL-INPUT -m set --match-set hardenctl-ban-v4 src -j DROP
-A HARDENCTL-INPUT -j HARDENCTL-SSH
-A HARDENCTL-INPUT -j HARDENCTL-OLD
-A HARDENCTL-OLD -j DROP
-A HARDENCTL-OUTPUT -j DROP
-A HARDENCTL-SSH -j ACCEPT
-A HARDENCTL_INPUT -m set --match-set hardenctl_ban-v4 src -j DROP
-A HARDENCTL_INPUT -j HARDENCTL-SSH
-A HARDENCTL_INPUT -j SET --add-set hardenctl_ban-v4 src --exist
COMMIT
`; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// The new jumps are before the rules of others, and behind old ones that do.
func TestHooks(t *testing.T) {
	j := joint{trialSet: "g", chains: map[string]bool{"HARDENCTL-A": true}, leading: owned.Leading{"f2b-sshd": true}}
	old, foreign, bans := tablefile.Rule{Spec: "-j HARDENCTL-A"}, tablefile.Rule{Spec: "-j LOG"}, tablefile.Rule{Spec: "-p tcp -j f2b-sshd"}
	const off, on = "-m set ! --match-set g src -j HARDENCTL-A", "-m set --match-set g src -j HARDENCTL_A"
	for _, c := range []struct {
		have []tablefile.Rule
		want []string
	}{
		{nil, []string{on}},
		{[]tablefile.Rule{foreign}, []string{on, foreign.Spec}},
		{[]tablefile.Rule{old, foreign}, []string{off, on, foreign.Spec}},
		{[]tablefile.Rule{foreign, old}, []string{on, foreign.Spec, off}},
		{[]tablefile.Rule{bans, foreign}, []string{bans.Spec, on, foreign.Spec}},
		{[]tablefile.Rule{bans, old, foreign}, []string{bans.Spec, off, on, foreign.Spec}},
		{[]tablefile.Rule{old, bans}, []string{off, on, bans.Spec}},
		{[]tablefile.Rule{bans, foreign, old}, []string{bans.Spec, on, foreign.Spec, off}},
	} {
		var got []string
		for _, r := range j.hooks(c.have, []tablefile.Rule{old}) {
			got = append(got, r.Spec)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("from %v: %q, want %q", c.have, got, c.want)
		}
	}
}

// On trial every packet meets what it would meet under the wanted rules, and
// after it, or before, what it meets under the old ones; in either case the
// rules of others behind ours. Nothing of the trial is left when it ends.
func TestBetweenProperty(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 3000 {
		have, want := Tables{filter: randomTable(r, true)}, Tables{filter: randomTable(r, false)}
		between := Between(have, want, nil, lets)
		settled := Tables{filter: settle(have[filter], want[filter])}
		for range 5 {
			packet := r.Int63()
			for guard, alone := range map[bool]Tables{true: settled, false: have} {
				got, want := meets(between[filter], "INPUT", packet, guard), meets(alone[filter], "INPUT", packet, guard)
				if !slices.Equal(got, want) {
					t.Fatalf("guard %v: a packet meets %q, want %q in\n%s\nfrom\n%s", guard, got, want, text(between), text(alone))
				}
			}
		}
		confirmed := Tables{filter: settle(have[filter], want[filter])}
		if input := want[filter].Chains[0]; input.Policy == "DROP" && len(input.Rules) > 0 {
			confirmed[filter].Chains[0].Policy = "DROP"
		}
		if got := Settle(between, want, lets); alike(got) != alike(confirmed) {
			t.Fatalf("a confirm leaves\n%s\nand Settle says\n%s\nof\n%s", alike(confirmed), alike(got), text(between))
		}
		if ended := End(between); text(ended) != text(have) {
			t.Fatalf("the end is\n%s\nnot\n%s", text(ended), text(have))
		}
		if place := Differ(End(between), have); place != "" {
			t.Fatalf("%s differs in equal tables", place)
		}
	}
}

// alike is the text of tables whose chains of ours are in the order of names.
func alike(tables Tables) string {
	t := tables[filter]
	t.Chains = slices.Clone(t.Chains)
	slices.SortStableFunc(t.Chains, func(a, b tablefile.Chain) int { return strings.Compare(a.Name, b.Name) })
	return text(Tables{filter: t})
}

// lets name the chains to which jumps may come before ours.
var lets = []string{"f2b-*"}

// settle is what an apply makes of a table: our jumps first, but for jumps to f2b-sshd
// that are before all else, and the policy that was stated before is ACCEPT again.
func settle(have, want tablefile.Table) tablefile.Table {
	settled := tablefile.Table{Name: have.Name}
	for _, c := range have.Chains {
		if !owned.Chain(c.Name) {
			if owned.Releases(&c, want.Chain(c.Name)) {
				c.Policy = "ACCEPT"
			}
			stay := 0
			for stay < len(c.Rules) && strings.HasSuffix(c.Rules[stay].Spec, " f2b-sshd") {
				stay++
			}
			others := slices.DeleteFunc(slices.Clone(c.Rules[stay:]), owned.Rule)
			c.Rules = slices.Concat(c.Rules[:stay], rulesOf(want, c.Name), others)
			settled.Chains = append(settled.Chains, c)
		}
	}
	for _, c := range want.Chains {
		if owned.Chain(c.Name) {
			settled.Chains = append(settled.Chains, c)
		}
	}
	return settled
}

// meets lists the targets that a packet meets, in the names of old chains.
func meets(t tablefile.Table, chain string, packet int64, guard bool) []string {
	var met []string
	walk(t, chain, packet, guard, &met)
	return met
}

// walk reports whether a verdict ended the packet's way.
func walk(t tablefile.Table, chain string, packet int64, guard bool, met *[]string) bool {
	c := t.Chain(chain)
	for _, r := range c.Rules {
		if !matches(r.Spec, packet, guard) {
			continue
		}
		target := r.Target()
		switch {
		case target == "RETURN" && !c.BuiltIn():
			return false
		case owned.Chain(target), target == "f2b-sshd":
			if walk(t, target, packet, guard, met) {
				return true
			}
			continue
		}
		*met = append(*met, target)
		if target != "LOG" {
			return true
		}
	}
	if c.BuiltIn() {
		*met = append(*met, c.Policy)
	}
	return c.BuiltIn()
}

// matches decides for a rule by its words, but for the trial set and the target.
func matches(spec string, packet int64, guard bool) bool {
	words := strings.Fields(spec)
	condition := strings.Join(words[:len(words)-2], " ")
	for _, g := range []bool{true, false} {
		m := tablefile.SetMatch{Set: SetNames[ruleset.V4], Direction: "src", Not: !g}.String()
		if strings.Contains(condition, m) && g != guard {
			return false
		}
		condition = strings.TrimSpace(strings.Replace(condition, m, "", 1))
	}
	if condition == "" {
		return true
	}
	h := fnv.New64()
	fmt.Fprint(h, condition, packet)
	return h.Sum64()%2 == 0
}

var ownNames = []string{"HARDENCTL-A", "HARDENCTL-B", "HARDENCTL-C"}

// randomTable is a host's table, with our jumps anywhere among others' rules, or
// a bundle's. A chain of ours leads only to later ones.
func randomTable(r *rand.Rand, host bool) tablefile.Table {
	t := tablefile.Table{Name: "filter", Chains: []tablefile.Chain{{Name: "INPUT", Policy: pick(r, "ACCEPT", "DROP")}}}
	for i, name := range ownNames {
		t.Chains = append(t.Chains, tablefile.Chain{Name: name, Policy: tablefile.UserPolicy, Rules: randomRules(r, ownNames[i+1:])})
	}
	for range r.Intn(3) {
		t.Chains[0].Rules = append(t.Chains[0].Rules, tablefile.Rule{Spec: pick(r, "", "-p tcp ", "-i eth0 ") + pick(r, "-j ", "-j ", "-g ") + pick(r, ownNames...)})
	}
	if host {
		rules := append(t.Chains[0].Rules, randomRules(r, []string{"f2b-sshd", "f2b-sshd"})...)
		r.Shuffle(len(rules), func(a, b int) { rules[a], rules[b] = rules[b], rules[a] })
		t.Chains[0].Rules = rules
		t.Chains = append(t.Chains, tablefile.Chain{Name: "f2b-sshd", Policy: tablefile.UserPolicy, Rules: randomRules(r, nil)})
	}
	return t
}

func randomRules(r *rand.Rand, chains []string) []tablefile.Rule {
	var rules []tablefile.Rule
	for range r.Intn(3) {
		rules = append(rules, tablefile.Rule{Spec: pick(r, "", "-p tcp ", "-p udp ", "-i lo ") + "-j " + pick(r, append([]string{"ACCEPT", "DROP", "LOG", "RETURN"}, chains...)...)})
	}
	return rules
}

func pick(r *rand.Rand, words ...string) string { return words[r.Intn(len(words))] }

// A trial's names fit where those of a profile do, whatever their length: 28
// bytes for a chain, 31 for a set.
func TestNames(t *testing.T) {
	longest := ruleset.ChainPrefix + "S-ABCDEFGHIJKLMNOP"
	if got := Chain(longest); len(got) != 28 || !owned.Chain(got) || owned.Chain(strings.ToLower(got)) {
		t.Errorf("chain %s", got)
	}
	for _, name := range []string{Set(ruleset.SetPrefix + "a-name-of-sixte-v4"), SetNames[ruleset.V4], SetNames[ruleset.V6]} {
		if len(name) > 31 || !owned.Set(name) || !owned.TrialSet(name) {
			t.Errorf("set %s", name)
		}
	}
}

// Differ finds a rule, an empty chain and a jump of ours, and nothing of others.
func TestDiffer(t *testing.T) {
	lines := []string{":INPUT ACCEPT [0:0]", ":HARDENCTL_A - [0:0]", ":MINE - [0:0]", "-A INPUT -j MINE", "-A INPUT -j HARDENCTL_A", "-A HARDENCTL_A -j DROP"}
	for _, c := range []struct{ name, old, new, place string }{
		{"nothing", "", "", ""},
		{"a rule", "_A -j DROP", "_A -j ACCEPT", "IPv4 filter HARDENCTL_A"},
		{"a chain more", ":MINE", ":HARDENCTL_B - [0:0]\n:MINE", "IPv4 filter HARDENCTL_B"},
		{"a jump", "-A INPUT -j HARDENCTL_A", "-A INPUT -p tcp -j HARDENCTL_A", "IPv4 filter INPUT"},
		{"a policy", "INPUT ACCEPT", "INPUT DROP", ""},
		{"a rule of others", "-A INPUT -j MINE", "-A MINE -j LOG", ""},
	} {
		a := strings.Join(lines, "\n")
		b := strings.Replace(a, c.old, c.new, 1)
		for _, got := range []string{Differ(tables(t, a), tables(t, b)), Differ(tables(t, b), tables(t, a))} {
			if got != c.place {
				t.Errorf("%s: %q, want %q", c.name, got, c.place)
			}
		}
	}
}

// What an administrator has flushed does not come back.
func TestEndAfterAFlush(t *testing.T) {
	have := tables(t, ":INPUT ACCEPT [0:0]", ":HARDENCTL-A - [0:0]", ":HARDENCTL_A - [0:0]")
	if got, want := text(End(have)), text(tables(t, ":INPUT ACCEPT [0:0]", ":HARDENCTL-A - [0:0]")); got != want {
		t.Errorf("got\n%s", got)
	}
}

func rulesOf(t tablefile.Table, chain string) []tablefile.Rule {
	if c := t.Chain(chain); c != nil {
		return c.Rules
	}
	return nil
}

// A policy of DROP that the host had before hardenctl stays on trial, though no jump
// of ours is there any more.
func TestPolicyBefore(t *testing.T) {
	have := tablefile.Chain{Name: "INPUT", Policy: "DROP", Rules: []tablefile.Rule{{Spec: "-j HARDENCTL-INPUT"}, {Spec: "-s 192.0.2.1/32 -j ACCEPT"}}}
	for policy, want := range map[string]bool{"DROP": false, "ACCEPT": true} {
		if got := owned.Releases(&have, &tablefile.Chain{Name: "INPUT", Policy: policy}); got != want {
			t.Errorf("to %s: accepts the rest: %v", policy, got)
		}
	}
	if !owned.Releases(&have, nil) {
		t.Error("a chain that nothing is wanted of keeps DROP")
	}
}
