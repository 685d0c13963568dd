package proof

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// hooks are all places where packets meet rules.
var hooks = []exact.Hook{exact.Input, exact.Forward, exact.Output}

// everyRuleIsMet finds rules that no packet meets, in any state, and whatever addresses are
// in the sets: those of a site change, and a rule that waits for one is not a mistake.
func (r *rules) everyRuleIsMet() (list diag.List) {
	if len(r.unmet()) == 0 {
		return nil
	}
	free, err := r.withoutMembers()
	if err != nil {
		return nil // it was read before
	}
	for _, id := range free.unmet() {
		if !r.behindProxy(id) {
			list.Add(r.dead(id))
		}
	}
	return list
}

// behindProxy reports whether a rule is of a service behind SYNPROXY: it is for the time in
// which another program has emptied table raw.
func (r *rules) behindProxy(id exact.RuleID) bool {
	return slices.ContainsFunc(r.profile.Services, func(s profile.Service) bool {
		return s.SynProxy && r.origins[id].Part == "services."+s.Name
	})
}

// withoutMembers are the rules with sets of which nothing is known.
func (r *rules) withoutMembers() (*rules, error) {
	f, err := exact.Read(r.Family, r.ruleText, nil)
	if err != nil {
		return nil, err
	}
	w := exact.NewWorld(r.Family, f)
	return &rules{World: w, g: w.Graph(), firewall: f, walks: map[exact.Hook]*exact.Result{}}, nil
}

// unmet are the rules that no packet meets; of a chain to which no packet comes, the first.
func (r *rules) unmet() (ids []exact.RuleID) {
	met := r.met()
	for _, t := range r.firewall.Tables {
		entering := r.entered(t, met)
		for _, c := range t.Chains {
			comes := c.Policy != tablefile.UserPolicy || entering[c.Name]
			for i := range c.Rules {
				id := exact.RuleID{Table: t.Name, Chain: c.Name, Number: i + 1}
				if !met[id] && (comes || i == 0) {
					ids = append(ids, id)
				}
			}
		}
	}
	return ids
}

// met says which rules packets meet, at any hook.
func (r *rules) met() map[exact.RuleID]bool {
	met := map[exact.RuleID]bool{}
	for _, hook := range hooks {
		for id, n := range r.walk(hook).Reach {
			met[id] = met[id] || n != bdd.False
		}
	}
	return met
}

// entered are the chains of a table to which rules lead that packets meet.
func (r *rules) entered(t tablefile.Table, met map[exact.RuleID]bool) map[string]bool {
	entering := map[string]bool{}
	for _, c := range t.Chains {
		for i, rule := range c.Rules {
			if met[exact.RuleID{Table: t.Name, Chain: c.Name, Number: i + 1}] {
				entering[rule.Target()] = true
			}
		}
	}
	return entering
}

// dead is the finding about a rule that no packet meets. Its example is one that would, and
// that another rule decides.
func (r *rules) dead(id exact.RuleID) diag.Diagnostic {
	d := diag.Diagnostic{
		Code: "dead-rule", Severity: diag.Warning, Position: r.place(id), Subject: r.origins[id].Part,
		Message:    fmt.Sprintf("no packet meets %s, in any state of the host", id),
		Suggestion: fault,
		Related:    []diag.Related{{Position: r.place(id), Message: r.text(id)}},
	}
	matched := r.g.And(r.First(), r.Matching(r.firewall, id))
	if matched == bdd.False {
		matched = r.g.And(r.Possible(), r.Matching(r.firewall, id))
	}
	if matched = r.Settle(matched); matched == bdd.False {
		d.Note = "there is no packet for which its matches hold"
		return d
	}
	return r.finding(r.hookOf(id), matched, d)
}

// hookOf is the hook at which other rules of a rule's chain are met, INPUT if none is.
func (r *rules) hookOf(id exact.RuleID) exact.Hook {
	for _, hook := range hooks {
		for other := range r.walk(hook).Reach {
			if other.Table == id.Table && other.Chain == id.Chain {
				return hook
			}
		}
	}
	return exact.Input
}
