package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle/linediff"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// riskReleased is said of a policy that is no longer stated.
const riskReleased = "the profile no longer sets this policy: what no rule refuses is accepted; if another program (such as Docker) relies on DROP, let it set DROP again"

// tables compares policies, our jumps and our chains, and lists what others
// have. A table that only the host has is compared too: chains of ours may be
// left in it.
func (c *comparison) tables() {
	for _, id := range c.tableIDs() {
		t := tableComparison{comparison: c, id: id, have: c.have.Tables[id], want: c.want.Tables[id]}
		t.policies()
		t.released()
		t.ownChains()
		t.hooks()
		t.foreign()
	}
}

func (c *comparison) tableIDs() []state.TableID {
	var ids []state.TableID
	for id := range c.have.Tables {
		ids = append(ids, id)
	}
	for id := range c.want.Tables {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b state.TableID) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Name, b.Name))
	})
	return slices.Compact(ids)
}

type tableComparison struct {
	*comparison
	id         state.TableID
	have, want tablefile.Table
}

func (t *tableComparison) object(chain string) string { return t.id.Name + " " + chain }

// ruleID is the place of a rule in this table, as the manifest counts.
func (t *tableComparison) ruleID(chain string, number int) ruleID {
	return ruleID{int(t.id.Family), t.id.Name, chain, number}
}

// step adds a change in this table.
func (t *tableComparison) step(s Step) {
	s.Family = int(t.id.Family)
	t.plan.add(s)
}

// policies compares those that the profile states. A table that is not in use
// yet has the kernel's policy, ACCEPT.
func (t *tableComparison) policies() {
	for _, want := range t.want.Chains {
		origin := find(t.origins.policies, t.ruleID(want.Name, 0))
		if origin == nil {
			continue
		}
		before := t.have.Policy(want.Name)
		if before == want.Policy {
			continue
		}
		t.step(Step{Action: Change, Kind: Policy, Object: t.object(want.Name),
			Before: before, After: want.Policy, Origin: origin})
	}
}

// released finds policies that an earlier profile stated and this one does not: DROP
// would stay behind with no rule before it.
func (t *tableComparison) released() {
	for _, have := range t.have.Chains {
		if owned.Releases(&have, t.want.Chain(have.Name)) && find(t.origins.policies, t.ruleID(have.Name, 0)) == nil {
			t.step(Step{Action: Change, Kind: Policy, Object: t.object(have.Name), Before: have.Policy, After: tablefile.KernelPolicy, Risk: riskReleased})
		}
	}
}

// ownChains compares the chains of ours, rule by rule and in order.
func (t *tableComparison) ownChains() {
	for _, name := range t.ownNames() {
		have, want := t.have.Chain(name), t.want.Chain(name)
		switch {
		case want == nil:
			t.step(Step{Action: Remove, Kind: Chain, Object: t.object(name), Before: rules(len(have.Rules))})
			continue
		case have == nil:
			t.step(Step{Action: Add, Kind: Chain, Object: t.object(name), After: rules(len(want.Rules)),
				Origin: find(t.origins.rules, t.ruleID(name, 1))})
			have = &tablefile.Chain{}
		}
		t.chainRules(name, specs(have.Rules), specs(want.Rules))
	}
}

// ownNames lists the chains of ours on either side, in order.
func (t *tableComparison) ownNames() []string {
	var names []string
	for _, c := range slices.Concat(t.have.Chains, t.want.Chains) {
		if owned.Chain(c.Name) {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// chainRules adds what turns one list of rules into the other.
func (t *tableComparison) chainRules(chain string, have, want []string) {
	before, after := 0, 0
	for _, edit := range linediff.Lines(have, want) {
		switch edit.Op {
		case linediff.Keep:
			before, after = before+1, after+1
		case linediff.Delete:
			before++
			t.step(Step{Action: Remove, Kind: Rule, Object: t.object(chain), Number: before, Before: edit.Line})
		case linediff.Insert:
			after++
			t.step(Step{Action: Add, Kind: Rule, Object: t.object(chain), Number: after, After: edit.Line,
				Origin: find(t.origins.rules, t.ruleID(chain, after))})
		}
	}
}

// hooks compares our jumps in chains that are not ours. They are first but for leading
// jumps, in the order wanted; anything else of ours there goes.
func (t *tableComparison) hooks() {
	for _, chain := range t.have.Chains {
		if !owned.Chain(chain.Name) && t.want.Chain(chain.Name) == nil {
			t.hook(chain.Name, chain.Rules, nil)
		}
	}
	for _, chain := range t.want.Chains {
		if owned.Chain(chain.Name) {
			continue
		}
		var have []tablefile.Rule
		if c := t.have.Chain(chain.Name); c != nil {
			have = c.Rules
		}
		t.hook(chain.Name, have, chain.Rules)
	}
}

func (t *tableComparison) hook(chain string, have, want []tablefile.Rule) {
	leading := owned.LeadingIn(t.have, t.manifest.Leading)
	if owned.InPlace(have, want, leading) {
		return
	}
	first := leading.Before(have)
	for i, r := range have {
		if owned.Rule(r) && index(want, r) < 0 {
			t.step(Step{Action: Remove, Kind: Rule, Object: t.object(chain), Number: i + 1, Before: r.Spec})
		}
	}
	for i, r := range want {
		step := Step{Action: Add, Kind: Rule, Object: t.object(chain), Number: first + i + 1, After: r.Spec,
			Origin: find(t.origins.rules, t.ruleID(chain, i+1))}
		if at := index(have, r); at >= 0 {
			step.Action, step.Before = Change, fmt.Sprintf("%s (as rule %d)", r.Spec, at+1)
		}
		t.step(step)
	}
}

// index returns where a rule is among some; -1 if it is not.
func index(rules []tablefile.Rule, wanted tablefile.Rule) int {
	return slices.IndexFunc(rules, func(r tablefile.Rule) bool { return r.Spec == wanted.Spec })
}

// decides reports whether our chain in a built-in one decides every packet, as
// it does where the profile states the policy. Elsewhere it only refuses some,
// and the rest goes on to the rules of others.
func (t *tableComparison) decides(chain string) bool {
	return owned.Hooked(t.want.Chain(chain)) && find(t.origins.policies, t.ruleID(chain, 0)) != nil
}

// foreign lists what others have in this table, and notes the rules that will be
// behind a jump of ours.
func (t *tableComparison) foreign() {
	for _, chain := range t.have.Chains {
		if owned.Chain(chain.Name) {
			continue
		}
		n := len(owned.Place(chain.Rules, nil, nil))
		if n == 0 && chain.BuiltIn() {
			continue
		}
		behind := t.behindHooks(chain.Rules)
		t.noteJumpsBehind(chain.Name, behind)
		lost := len(slices.DeleteFunc(behind, func(r tablefile.Rule) bool { return t.have.LeadsNowhere(r) || t.known(r) }))
		t.plan.Untouched = append(t.plan.Untouched, Foreign{
			Kind: Chain, Family: int(t.id.Family), Object: t.object(chain.Name), Count: n})
		if lost > 0 && t.decides(chain.Name) {
			t.plan.Notes = append(t.plan.Notes, fmt.Sprintf(
				"IPv%d %s: %s of other programs never match: hardenctl's chain comes first and decides every packet",
				t.id.Family, t.object(chain.Name), rules(lost)))
		}
	}
}

// behindHooks are the rules of others in a chain that will be behind ours.
func (t *tableComparison) behindHooks(rules []tablefile.Rule) []tablefile.Rule {
	leading := owned.LeadingIn(t.have, t.manifest.Leading)
	return owned.Place(rules[leading.Before(rules):], nil, nil)
}

func specs(rules []tablefile.Rule) []string {
	texts := make([]string, len(rules))
	for i, r := range rules {
		texts[i] = r.Spec
	}
	return texts
}

func rules(n int) string {
	if n == 1 {
		return "1 rule"
	}
	return fmt.Sprintf("%d rules", n)
}
