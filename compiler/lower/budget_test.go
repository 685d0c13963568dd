package lower_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/lower"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/profiles"
)

// TestBudgets holds, for every built-in profile, that packets never fill a set which
// decides about legitimate clients: all that they may add while an entry stays fits into
// seven eighths of it.
func TestBudgets(t *testing.T) {
	for _, name := range profiles.Names() {
		p, list := profile.Read(name+".toml", profile.Folders{Root: profiles.FS(), Builtins: profiles.FS()})
		if p == nil {
			t.Fatal(list)
		}
		rs, _ := lower.Lower("builtin:"+name, p)
		within(t, name, rs)
	}
	for _, scan := range []string{
		`probes = 10, window = "5s"`,
		`probes = 1000, window = "1d", ban = "24d"`,
		`probes = 10, window = "1m", slow = { probes = 30, window = "10m" }, ban = "1s", ban_repeat = "24d"`,
	} {
		within(t, scan, lowered(t, "policy.forward = \"published\"\nservices.a.ports = [\"tcp/80\"]\nscan = { tripwires = [\"tcp/23\"], "+scan+" }"))
	}
}

// unbounded are the sets that need no budget: callers, open, asked and proven are
// not filled by forged packets, or decide nothing when they are full. The knocks that
// were heard (k-, 1-, 2-) stay for seconds.
var unbounded = []string{"callers", "open", "asked", "proven", "k-", "1-", "2-"}

func within(t *testing.T, name string, rs *ruleset.Ruleset) {
	t.Helper()
	for _, s := range rs.Sets {
		if !s.Dynamic || hasPrefix(strings.TrimPrefix(s.Name, ruleset.SetPrefix), unbounded) {
			continue
		}
		// ip_set_timeout.h: entries are collected after a third of their time, at
		// least a second, at most three minutes.
		total := 0.0
		for _, table := range rs.Tables {
			if table.Family == s.Family {
				total += entries(t, name, table, s)
			}
		}
		if most := float64(s.MaxElements) * 7 / 8; total > most {
			t.Errorf("%s: packets put up to %.0f entries into %s, which holds %d", name, total, s.Name, s.MaxElements)
		}
	}
}

func hasPrefix(s string, any []string) bool {
	for _, p := range any {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// entries is how many entries the rules of a table put into a set while one stays.
func entries(t *testing.T, name string, table ruleset.Table, s ruleset.Set) (n float64) {
	for _, c := range table.Chains {
		for _, r := range c.Rules {
			if add, ok := r.Target.(ruleset.AddToSet); ok && add.Set == s.Name {
				stay := s.Timeout
				if add.Timeout > 0 {
					stay = add.Timeout
				}
				stay += min(max(time.Second, stay/3), 3*time.Minute)
				perSecond, burst, ok := allowed(table, c.Name, r, s)
				if !ok {
					t.Errorf("%s: %s: rule %q adds to %s without a limit", name, c.Name, r.Comment, s.Name)
				}
				n += perSecond*stay.Seconds() + burst
			}
		}
	}
	return n
}

// allowed is what the kernel lets through to a rule: by a limit of its own, or by
// those of all the ways to its chain. A source's entry begins with a port's, and takes
// its budget.
func allowed(table ruleset.Table, chain string, r ruleset.Rule, s ruleset.Set) (perSecond, burst float64, ok bool) {
	for _, m := range r.Matches {
		if limit, is := m.(ruleset.Limit); is {
			const ticks = 10_000
			cost := int(ticks*limit.Rate.Unit.Duration().Seconds()) / int(limit.Rate.Count)
			return ticks / float64(cost), float64(limit.Rate.Burst), true
		}
	}
	if s.Counters {
		return budgetOfPorts(table, chain)
	}
	return budgetOf(table, chain, s)
}

// budgetOf adds up the ways to a chain. Several from one chain without limits of their
// own are one: a packet goes one of them.
func budgetOf(table ruleset.Table, chain string, s ruleset.Set) (perSecond, burst float64, ok bool) {
	for _, c := range table.Chains {
		rate, b := 0.0, 0.0
		for _, r := range c.Rules {
			if jump, is := r.Target.(ruleset.Jump); is && jump.Chain == chain {
				one, most, limited := allowed(table, c.Name, r, ruleset.Set{})
				if !limited {
					return 0, 0, false
				}
				rate, b, ok = max(rate, one), max(b, most), true
			}
		}
		perSecond, burst = perSecond+rate, burst+b
	}
	return perSecond, burst, ok
}

// budgetOfPorts is what the rule of a chain adds that adds ports.
func budgetOfPorts(table ruleset.Table, chain string) (perSecond, burst float64, ok bool) {
	for _, c := range table.Chains {
		for _, r := range c.Rules {
			if add, is := r.Target.(ruleset.AddToSet); is && c.Name == chain && add.Direction == ruleset.ToSourceAndDPort {
				return allowed(table, chain, r, ruleset.Set{})
			}
		}
	}
	return 0, 0, false
}
