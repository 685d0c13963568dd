package trial

import (
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// Settle returns the tables as packets meet them while the trial set holds, and as a
// confirm leaves them: the copies under the names that they will have, the jumps
// to them without the trial set and in their place, and nothing of the old chains. bundle
// are the tables of the bundle that is on trial: they say which chains stay and which
// policies a confirm sets; leading are the chains of others to which jumps may stay before
// ours. What somebody has changed since the trial began is
// changed in the result, too.
func Settle(now, bundle Tables, leading []string) Tables {
	settled := Tables{}
	for id, t := range now {
		s := settler{table: t, bundle: bundle[id], trialSet: SetNames[id.Family], leading: owned.LeadingIn(t, leading)}
		settled[id] = s.settle()
	}
	return settled
}

// settler makes one table.
type settler struct {
	table, bundle tablefile.Table
	trialSet      string
	leading       owned.Leading
}

func (s settler) settle() tablefile.Table {
	settled := tablefile.Table{Name: s.table.Name}
	for _, c := range s.table.Chains {
		name := c.Name
		switch {
		case owned.TrialChain(name):
			name = owned.ChainOriginal(name)
			if c.Name == accepting || s.table.Chain(name) != nil {
				continue // the policy says it, or the old chain has got these rules
			}
			c.Name, c.Rules = name, originals(c.Rules)
		case owned.Chain(name):
			if s.bundle.Chain(name) == nil {
				continue
			}
			if tried := s.table.Chain(Chain(name)); tried != nil {
				c.Rules = originals(tried.Rules)
			}
		default:
			c = s.builtIn(c)
		}
		settled.Chains = append(settled.Chains, c)
	}
	return settled
}

// builtIn is a chain that is not ours, with our jumps in their place.
func (s settler) builtIn(c tablefile.Chain) tablefile.Chain {
	var jumps []tablefile.Rule
	for _, r := range c.Rules {
		switch {
		case !owned.Rule(r), r.Asks(lacks(s.trialSet)):
		case r.Target() == accepting:
			c.Policy = tablefile.KernelPolicy
		default:
			jumps = append(jumps, r.Without(holds(s.trialSet)))
		}
	}
	c.Rules = owned.Place(c.Rules, originals(jumps), s.leading)
	if want := s.bundle.Chain(c.Name); owned.States(want) {
		c.Policy = want.Policy
	}
	return c
}

// originals are rules of copies with the names that chains and sets have beside
// a trial.
func originals(rules []tablefile.Rule) []tablefile.Rule {
	var originals []tablefile.Rule
	for _, r := range rules {
		if target := r.Target(); owned.TrialChain(target) {
			r = r.WithTarget(owned.ChainOriginal(target))
		}
		originals = append(originals, r.RenameSets(owned.SetOriginal))
	}
	return originals
}

// Original returns the name that the copy of a set has beside a trial; "" for a
// set that is not a copy.
func Original(set string) string {
	if !owned.TrialSet(set) || set == SetNames[ruleset.V4] || set == SetNames[ruleset.V6] {
		return ""
	}
	return owned.SetOriginal(set)
}
