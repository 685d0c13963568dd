// Package lower turns a profile into a ruleset: it decides which rules, in
// which order, make a host be what the profile says. One file holds one
// defence; input.go holds the order in which a packet meets them.
//
// The rules live in the filter table, behind one jump from each built-in chain
// that is used, and cost an open TCP connection one rule. What is before
// the accept of open connections is paid for by every packet of every stream,
// so blocklists, bans and limits are behind it, where only new packets pay;
// the two limits that an open flow could go round (echo requests and UDP
// packets) are between TCP's accept and the accept of the rest.
//
// Sources that the profile trusts (admin and exempt addresses) leave for a
// chain of their own before blocklist, ban and limits, so that forged packets cannot get
// them banned.
package lower

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Lower returns the ruleset of a profile that was read without errors, and the names
// in it that mean two things. name is the profile's own name, the origin of what no
// line states.
func Lower(name string, p *profile.Profile) (*ruleset.Ruleset, diag.List) {
	l := &lowering{name: name, profile: p, claimed: map[string]bool{}, borrowed: map[string]bool{}, tables: map[string]string{}}
	l.addSets()
	rs := &ruleset.Ruleset{Settings: l.settings(), Modules: l.modules(), Jail: l.jail(), NICs: l.nics(), Lists: l.lists(), Access: l.adminAccess(), Zones: l.zones(), Leading: leading(p.Policy), Remarks: l.remarks()}
	for _, family := range ruleset.Families {
		f := &filter{lowering: l, family: family}
		rs.Tables = append(rs.Tables, f.table())
		if l.proxies() && !f.disabled() {
			rs.Tables = append(rs.Tables, l.untracked(family), l.handshakes(family))
		}
		if f.untracks() {
			rs.Tables = append(rs.Tables, l.untrackedAdmin(family))
		}
		if p.Policy.Forward == profile.Published {
			rs.Tables = append(rs.Tables, l.publishedPorts(family))
		}
	}
	rs.Tables = join(rs.Tables)
	rs.Fallback = l.fallbackTables()
	rs.Options = l.moduleOptions(rs.Tables)
	rs.Sets = l.sets
	slices.SortFunc(rs.Sets, func(a, b ruleset.Set) int { return cmp.Compare(a.Name, b.Name) })
	return rs, l.clashes()
}

// lowering is what both families share.
type lowering struct {
	name    string
	profile *profile.Profile
	sets    []ruleset.Set
	// claimed are the names of sets of lowering's own, without family, whether this
	// profile has them or not; borrowed are those of the profile's sets that became
	// the kernel's.
	claimed, borrowed map[string]bool
	// tables are the settings of hashlimit's tables, by name.
	tables map[string]string
}

// origin names the part of the profile that a node serves. A part that no line
// states is nowhere but in the profile as a whole.
func (l *lowering) origin(part string, pos diag.Position) ruleset.Origin {
	if pos.File == "" {
		pos = diag.Position{File: l.name}
	}
	return ruleset.Origin{Part: part, Position: pos}
}

// filter is the filter table of one family while it is built; or, with
// published, the table in which published ports are filtered.
type filter struct {
	*lowering
	family    ruleset.Family
	chains    []ruleset.Chain // ours
	published bool
}

// table builds the chains and returns them in the order in which both backends
// save them: the kernel's by hook, then ours by name.
func (f *filter) table() ruleset.Table {
	input := f.dropHook("INPUT", f.input())
	forward := f.leftHook("FORWARD")
	if f.profile.Policy.Forward == profile.Drop {
		forward = f.dropHook("FORWARD", f.forward())
	}
	output := f.leftHook("OUTPUT", slices.Concat(f.silence(), f.searches(), f.handedOn())...)
	return f.tableOf("filter", input, forward, output)
}

// tableOf returns a table with these built-in chains, and ours behind them.
func (f *filter) tableOf(name string, builtin ...ruleset.Chain) ruleset.Table {
	slices.SortFunc(f.chains, func(a, b ruleset.Chain) int { return cmp.Compare(a.Name, b.Name) })
	return ruleset.Table{Family: f.family, Name: name, Chains: append(builtin, f.chains...)}
}

// dropHook returns a built-in chain that drops by policy and jumps to a
// chain of ours, which ends in a verdict of its own: a trial cannot lean on the
// policy, which changes only when it is confirmed.
func (f *filter) dropHook(name string, rules []ruleset.Rule) ruleset.Chain {
	jump := ruleset.Rule{
		Target: f.chain(name, rules),
		Origin: f.origin("policy", f.profile.Policy.Position),
	}
	return ruleset.Chain{Name: name, Policy: ruleset.PolicyDrop, Owned: true, Rules: []ruleset.Rule{jump}}
}

// leftHook returns a built-in chain whose policy is left as it is.
func (f *filter) leftHook(name string, rules ...ruleset.Rule) ruleset.Chain {
	return ruleset.Chain{Name: name, Policy: ruleset.PolicyAccept, Rules: rules}
}

// remarks returns what the profile says for people.
func (l *lowering) remarks() []ruleset.Remark {
	var all []ruleset.Remark
	for _, r := range l.profile.Remarks {
		remark := ruleset.Remark{Entry: r.Entry, Description: r.Description, Origin: l.origin(r.Part, r.Position)}
		if !r.Expires.IsZero() {
			remark.Expires = r.Expires.Format(time.DateOnly)
		}
		all = append(all, remark)
	}
	return all
}

// chainName is the kernel's name for a chain.
func chainName(name string) string {
	return ruleset.ChainPrefix + strings.ToUpper(ruleset.InKernel(name))
}

// chain adds a chain of ours and returns the jump to it.
func (f *filter) chain(name string, rules []ruleset.Rule) ruleset.Jump {
	full := chainName(name)
	f.chains = append(f.chains, ruleset.Chain{Name: full, Rules: rules})
	return ruleset.Jump{Chain: full}
}

// part starts the rules of one part of the profile.
func (f *filter) part(name string, pos diag.Position) part {
	return part{f.origin(name, pos)}
}

// part makes rules that serve one part of the profile.
type part struct{ origin ruleset.Origin }

// rule returns a rule whose comment is the part's name and, where there is
// more to say, what the rule does for it.
func (p part) rule(does string, target ruleset.Target, matches ...ruleset.Match) ruleset.Rule {
	comment := p.origin.Part
	if does != "" {
		comment += ": " + does
	}
	return ruleset.Rule{Matches: matches, Target: target, Comment: comment, Origin: p.origin}
}
