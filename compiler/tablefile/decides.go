package tablefile

import "slices"

// idleTargets end no packet's way and change nothing about a packet. A rule
// without a target only counts.
var idleTargets = []string{"", "RETURN", "LOG", "NFLOG", "ULOG", "TRACE", "AUDIT"}

// Decides reports whether a packet that enters a chain can meet a rule that
// decides about it or changes it. A chain without rules does not, nor does one
// that only logs, returns, and jumps to such chains. That is what ufw leaves in
// INPUT when it is disabled. The policy is not looked at.
func (t Table) Decides(chain string) bool { return t.decides(chain, map[string]bool{}) }

// RuleDecides reports whether a rule can decide about a packet, by itself or by
// the chain that it jumps to. A target that is not a chain of the table is taken
// for one that does, if it is not known to be idle; so is a rule that cannot be
// split.
func (t Table) RuleDecides(r Rule) bool { return t.ruleDecides(r, map[string]bool{}) }

// decides is Decides. seen are the chains that were looked at before.
func (t Table) decides(chain string, seen map[string]bool) bool {
	c := t.Chain(chain)
	if c == nil || seen[chain] {
		return false
	}
	seen[chain] = true
	return slices.ContainsFunc(c.Rules, func(r Rule) bool { return t.ruleDecides(r, seen) })
}

func (t Table) ruleDecides(r Rule, seen map[string]bool) bool {
	if _, err := Words(r.Spec); err != nil {
		return true
	}
	target := r.Target()
	if t.Chain(target) != nil {
		return t.decides(target, seen)
	}
	return !slices.Contains(idleTargets, target)
}

// LeadsNowhere reports whether a rule only jumps to a chain without rules, or to
// one whose rules do the same. Unlike a chain that returns every packet, as one
// of fail2ban without a ban, such a chain is not in use.
func (t Table) LeadsNowhere(r Rule) bool { return t.leadsNowhere(r, map[string]bool{}) }

func (t Table) leadsNowhere(r Rule, seen map[string]bool) bool {
	target := r.Target()
	c := t.Chain(target)
	if c == nil || seen[target] {
		return c != nil
	}
	seen[target] = true
	return !slices.ContainsFunc(c.Rules, func(r Rule) bool { return !t.leadsNowhere(r, seen) })
}
