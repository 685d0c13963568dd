// Package trial makes the state between an old firewall and a new one: both are
// there, and a trial set decides which of them a packet meets.
//
// The trial set is a set of each family that holds every address for a time. In each
// built-in chain the jump to the new chains has a match more, "the source is in
// the trial set", and the jump to the old ones "the source is not". While the trial set
// holds its entries a packet meets only the new chains; when they time out it
// meets only the old ones, without any action, also where chains
// do not decide every packet. While it is empty nothing has changed for any
// packet, so that the rules of all tables and both families can be loaded, read
// back and found right before they count.
//
// The new chains are beside the old ones under names of the trial's own, and
// so do new contents of sets that exist. Chains that lead to nothing new are
// shared by old and new, and go on counting; so are sets that packets fill:
// bans are kept and made in a trial, and survive its end.
//
// What a copy has counted goes to the rule that comes in its place. A rule that
// was there before and stays, in a chain that changes, keeps what it had counted
// until then, and goes without what its copy has counted in the trial: to give it
// both, it would have to be taken out and put in anew, by which it forgets the
// connections that connlimit has counted, and, with ip6tables-nft-restore 1.8.9,
// which takes no counters from its input, all that it had counted before.
//
// End says what is left when a trial is over. It takes that from what is there,
// not from what was there before: if somebody flushed the firewall in the
// meantime, nothing old comes back.
//
// The package is pure: it makes tables out of tables.
package trial

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// SetNames are the names of the trial sets that decide whether packets meet the new chains, by
// family. No copy of a set is called so: a profile's names have no underscore.
var SetNames = map[ruleset.Family]string{
	ruleset.V4: owned.TrialSetPrefix + "trial_v4",
	ruleset.V6: owned.TrialSetPrefix + "trial_v6",
}

// Chain returns the name of a chain's copy in a trial.
func Chain(name string) string { return owned.ChainCopy(name) }

// Set returns the name of a set's copy in a trial.
func Set(name string) string { return owned.SetCopy(name) }

// Tables are those of a state.State.
type Tables = map[state.TableID]tablefile.Table

// Between returns the tables in which a trial of want runs beside have. copied
// names the sets that the trial has copies of, and leading the chains of others to which
// jumps may stay before ours. Policies are those of have, which
// the chains of ours decide without, or which a last rule stands for (policy.go).
func Between(have, want Tables, copied map[string]bool, leading []string) Tables {
	between := Tables{}
	for id := range have {
		between[id] = join(id, have[id], want[id], copied, leading)
	}
	for id := range want {
		between[id] = join(id, have[id], want[id], copied, leading)
	}
	return between
}

// End returns the tables without the trial, and with them the jumps to the old
// chains as they were.
func End(tables Tables) Tables {
	ended := Tables{}
	for id, t := range tables {
		chains := slices.Clone(t.Chains)
		t.Chains = slices.DeleteFunc(chains, func(c tablefile.Chain) bool { return owned.TrialChain(c.Name) })
		for i, c := range t.Chains {
			if !owned.Chain(c.Name) {
				t.Chains[i].Rules = allAfterTrial(id.Family, c.Rules)
			}
		}
		ended[id] = t
	}
	return ended
}

// join makes one table.
func join(id state.TableID, have, want tablefile.Table, copiedSets map[string]bool, leading []string) tablefile.Table {
	j := joint{trialSet: SetNames[id.Family], sets: copiedSets, chains: copiedChains(have, want, copiedSets), leading: owned.LeadingIn(have, leading)}
	joined := tablefile.Table{Name: id.Name}
	for _, c := range have.Chains {
		if !owned.Chain(c.Name) {
			c.Rules = j.builtIn(c, want.Chain(c.Name))
		}
		joined.Chains = append(joined.Chains, c)
	}
	if slices.ContainsFunc(have.Chains, func(c tablefile.Chain) bool { return owned.Releases(&c, want.Chain(c.Name)) }) {
		joined.Chains = append(joined.Chains, acceptingChain())
	}
	for _, c := range want.Chains {
		switch {
		case j.chains[c.Name]:
			joined.Chains = append(joined.Chains, tablefile.Chain{Name: Chain(c.Name), Policy: tablefile.UserPolicy, Rules: j.copies(c.Rules)})
		case have.Chain(c.Name) == nil:
			joined.Chains = append(joined.Chains, tablefile.Chain{Name: c.Name, Policy: c.Policy, Rules: j.hooks(nil, c.Rules)})
		}
	}
	return joined
}

// joint is what decides the form that rules have in one table of a trial.
type joint struct {
	trialSet string
	sets     map[string]bool // those that have a copy
	chains   map[string]bool // and the chains
	leading  owned.Leading
}

// hooks returns the rules of a built-in chain: the jumps to the old chains where
// they were, for packets for which the trial set does not hold, and those to the new
// ones for the others, before all rules of others but leading jumps. Jumps that lead to
// the same chains before and after stay as they are.
//
// Where the old jumps are first the new ones are behind them: a packet that
// is between the two when the trial set is armed meets both, and not neither.
func (j joint) hooks(have, want []tablefile.Rule) []tablefile.Rule {
	if j.same(have, want) {
		return have
	}
	var rules []tablefile.Rule
	for _, r := range have {
		if owned.Rule(r) {
			r = r.With(lacks(j.trialSet))
		}
		rules = append(rules, r)
	}
	first := j.leading.Before(have)
	for first < len(have) && owned.Rule(have[first]) {
		first++
	}
	var jumps []tablefile.Rule
	for _, r := range want {
		jumps = append(jumps, j.copy(r).With(holds(j.trialSet)))
	}
	return slices.Insert(rules, first, jumps...)
}

// same reports whether the jumps wanted are there, in their place, and
// none of them leads to anything new.
func (j joint) same(have, want []tablefile.Rule) bool {
	return owned.InPlace(have, want, j.leading) && !slices.ContainsFunc(want, func(r tablefile.Rule) bool { return j.chains[r.Target()] })
}

// copies are the rules of a chain's copy.
func (j joint) copies(rules []tablefile.Rule) []tablefile.Rule {
	var copies []tablefile.Rule
	for _, r := range rules {
		copies = append(copies, j.copy(r))
	}
	return copies
}

// copy is a rule with the names that chains and sets have in the trial, and
// without what it has counted.
func (j joint) copy(r tablefile.Rule) tablefile.Rule {
	if target := r.Target(); j.chains[target] {
		r = r.WithTarget(Chain(target))
	}
	r = r.RenameSets(func(set string) string {
		if j.sets[set] {
			return Set(set)
		}
		return set
	})
	return tablefile.Rule{Spec: r.Spec}
}

// holds asks whether a trial set holds the source, and lacks whether it does not.
func holds(set string) tablefile.SetMatch {
	return tablefile.SetMatch{Set: set, Direction: "src"}
}

func lacks(set string) tablefile.SetMatch {
	return tablefile.SetMatch{Set: set, Direction: "src", Not: true}
}

// unguarded is a rule of a built-in chain when the trial set is empty, and whether it
// is there then.
func afterTrial(family ruleset.Family, r tablefile.Rule) (left tablefile.Rule, stays bool) {
	if !owned.Rule(r) {
		return r, true
	}
	if r.Asks(holds(SetNames[family])) || owned.TrialChain(r.Target()) {
		return r, false
	}
	return r.Without(lacks(SetNames[family])), true
}

// allAfterTrial are the rules of a built-in chain when the trial set is empty.
func allAfterTrial(family ruleset.Family, rules []tablefile.Rule) []tablefile.Rule {
	var left []tablefile.Rule
	for _, r := range rules {
		if r, stays := afterTrial(family, r); stays {
			left = append(left, r)
		}
	}
	return left
}
