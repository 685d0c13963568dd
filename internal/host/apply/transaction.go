package apply

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// transaction returns iptables-restore --noflush input that turns what is ours
// in current into what is ours in target, and touches nothing else; nil if
// there is nothing to do. What is ours are our chains, the jumps to them, and
// the policies of the chains in policies.
//
// A rule that stays keeps its counters, whatever chain of ours it is in. One
// that comes brings what its copy on trial has counted; one that stays is not
// touched, and does without.
func transaction(current, target tablefile.Table, policies []string) []byte {
	t := writer{current: current, target: target, Input: tablefile.NewInput(target.Name)}
	added, changed, stale := t.ownChains()
	t.declare(added)
	hooks := t.hooks()
	for _, h := range hooks {
		t.unhook(h)
	}
	for _, name := range added {
		t.fill(name)
	}
	for _, name := range changed {
		t.edit(name)
	}
	for _, h := range hooks {
		t.hook(h)
	}
	t.remove(stale)
	if differ := t.policies(policies); t.IsEmpty() && !differ {
		return nil
	}
	return t.Bytes()
}

type writer struct {
	current, target tablefile.Table
	*tablefile.Input
}

// policies declares the built-in chains of names before all else, and reports
// whether one of them changes a policy. One that stays is declared as it is,
// with its counters. A chain that a side does not have, because its table was
// not in use, has the kernel's policy.
//
// Chains of others are not declared: somebody may set their policy between the
// reading and the transaction, as a container engine does when it starts, and a
// line of ours would put it back. iptables-legacy sets the counters of policies
// to zero then, whatever it changes in the table: "iptables-legacy -A" of one
// rule does the same, and no option of restore keeps them (libiptc up to 1.8.9,
// COUNTER_MAP_ZEROED, and no more of 1.8.11; TestLegacyForgetsWhatPoliciesCounted).
// Those go rather than a policy.
func (w *writer) policies(names []string) (differ bool) {
	for _, name := range names {
		chain, target := policyOf(w.current, name), policyOf(w.target, name)
		changes := chain.Policy != target.Policy
		if changes {
			chain.Policy, differ = target.Policy, true
		}
		if changes || w.current.Chain(name) != nil {
			w.State(chain)
		}
	}
	return differ
}

func policyOf(t tablefile.Table, name string) tablefile.Chain {
	if c := t.Chain(name); c != nil {
		return *c
	}
	return tablefile.Chain{Name: name, Policy: tablefile.KernelPolicy}
}

// ownChains returns the chains of ours that come, those that change and those
// that must go.
func (w *writer) ownChains() (added, changed, stale []string) {
	for _, c := range w.target.Chains {
		have := w.current.Chain(c.Name)
		switch {
		case !owned.Chain(c.Name):
		case have == nil:
			added = append(added, c.Name)
		case !tablefile.SameRules(have.Rules, c.Rules):
			changed = append(changed, c.Name)
		}
	}
	for _, c := range w.current.Chains {
		if owned.Chain(c.Name) && w.target.Chain(c.Name) == nil {
			stale = append(stale, c.Name)
		}
	}
	return added, changed, stale
}

// declare makes chains, inside the transaction.
func (w *writer) declare(names []string) {
	for _, name := range names {
		w.Declare(name)
	}
}

// fill writes a chain that is new.
func (w *writer) fill(name string) {
	tried := w.tried(name)
	for i, r := range w.target.Chain(name).Rules {
		r.Packets, r.Bytes = tried[i].Packets, tried[i].Bytes
		w.Append(name, r)
	}
}

// tried are the rules of a chain's copy on trial, in the places that they have
// in the target: as many rules without counters if there is no such copy.
func (w *writer) tried(name string) []tablefile.Rule {
	rules := w.target.Chain(name).Rules
	tried := w.current.Chain(trial.Chain(name))
	if tried == nil || owned.TrialChain(name) || len(tried.Rules) != len(rules) {
		return make([]tablefile.Rule, len(rules))
	}
	return tried.Rules
}

// takeCounters returns the counters of the first rule like spec, and takes that
// rule out, so that of two rules alike each keeps its own.
func takeCounters(rules *[]tablefile.Rule, spec string) (packets, bytes uint64) {
	i := slices.IndexFunc(*rules, func(r tablefile.Rule) bool { return r.Spec == spec })
	if i < 0 {
		return 0, 0
	}
	found := (*rules)[i]
	*rules = slices.Delete(*rules, i, i+1)
	return found.Packets, found.Bytes
}

// hooked is a chain of others with the rules of ours that are in it, and
// those that shall be.
type hooked struct {
	chain           string
	current, target []owned.Hook
}

// hooks returns the chains in which our jumps are not what they must be.
func (w *writer) hooks() []hooked {
	var names []string
	for _, c := range slices.Concat(w.current.Chains, w.target.Chains) {
		if !owned.Chain(c.Name) && !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	var out []hooked
	for _, name := range names {
		h := hooked{name, owned.Hooks(w.current.Chain(name)), owned.Hooks(w.target.Chain(name))}
		if !slices.Equal(h.current, h.target) {
			out = append(out, h)
		}
	}
	return out
}

func (w *writer) unhook(h hooked) {
	for _, r := range h.current {
		w.Delete(h.chain, r.Rule)
	}
}

// hook puts our jumps where they must be, or, where others have taken rules
// out of the chain since, as near as it is long enough for.
func (w *writer) hook(h hooked) {
	room := 1
	if c := w.current.Chain(h.chain); c != nil {
		room += len(c.Rules) - len(h.current)
	}
	for i, r := range h.target {
		w.Insert(h.chain, min(r.Number, room+i), r.Rule)
	}
}

// remove empties all chains before it removes any: they may refer to each
// other.
func (w *writer) remove(names []string) {
	for _, name := range names {
		w.Flush(name)
	}
	for _, name := range names {
		w.Remove(name)
	}
}
