package trial

import (
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// accepting is the chain that stands for a policy of ACCEPT. A profile's names
// have no underscore, so that it is not a copy of a chain.
const accepting = owned.TrialChainPrefix + "POLICY_ACCEPT"

// The policy of a built-in chain cannot depend on the trial set. Where a profile states
// DROP its chain decides every packet by itself, and on trial too. But where DROP
// is no longer stated, as by [policy] forward = "leave" after "drop", nothing of ours would
// be in that chain on trial, and every packet through it would be dropped. So
// the last rule of the chain accepts them while the trial set holds: packets meet
// what they will meet when the policy has become ACCEPT, the rules of others
// first, and the old policy after the trial. A packet that a rule of others sends
// to the policy before, by RETURN, is dropped on trial.

// builtIn returns the rules of a built-in chain: jumps, and the last rule where
// that stands for the policy.
func (j joint) builtIn(have tablefile.Chain, want *tablefile.Chain) []tablefile.Rule {
	var jumps []tablefile.Rule
	if want != nil {
		jumps = want.Rules
	}
	rules := j.hooks(have.Rules, jumps)
	if owned.Releases(&have, want) {
		rules = append(rules, tablefile.Jump(accepting).With(holds(j.trialSet)))
	}
	return rules
}

// acceptingChain is the chain that this rule leads to.
func acceptingChain() tablefile.Chain {
	return tablefile.Chain{Name: accepting, Policy: tablefile.UserPolicy, Rules: []tablefile.Rule{tablefile.Jump("ACCEPT")}}
}
