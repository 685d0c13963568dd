// Package proof holds the rules of a bundle to what its profile states: for every packet, in
// every state of bans, limits and lists.
//
// A profile is read here as sets of packets: who may reach what (stated.go). What the rules
// do with all packets package exact says. Where the two differ there is a finding: a
// diagnostic with a stable code, the place in the profile, the rule that decides, and an
// example packet. A bundle without findings is proven, not sampled.
//
// Nothing here asks how package lower makes rules. A mistake that is made there is not made
// here again, and is found.
//
// The package is pure.
package proof

import (
	"slices"
	"sync"

	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// claims are what must be true of the rules of a family; each returns the findings that
// contradict it.
var claims = []func(*rules) diag.List{
	(*rules).onlyStatedReach,
	(*rules).onlyStatedPass,
	(*rules).adminsGetIn,
	(*rules).servicesAnswer,
	(*rules).knocksOpen,
	(*rules).openOnesGoOn,
	(*rules).blockedGetNothing,
	(*rules).exemptAreFree,
	(*rules).trustReachesAll,
	(*rules).everyRuleIsMet,
}

// Bundle returns the findings about the bundle of a profile that was read without errors,
// in the rules of some families, or of both.
func Bundle(p *profile.Profile, b *bundle.Bundle, families ...ruleset.Family) diag.List {
	if families == nil {
		families = ruleset.Families[:]
	}
	found := make([]diag.List, len(families))
	var working sync.WaitGroup
	for i, family := range families {
		working.Add(1)
		go func() {
			defer working.Done()
			found[i] = prove(p, b, family)
		}()
	}
	working.Wait()
	return once(slices.Concat(found...))
}

// prove returns the findings about the rules of a family.
func prove(p *profile.Profile, b *bundle.Bundle, family ruleset.Family) (list diag.List) {
	r, err := read(p, b, family)
	if err != nil {
		list.Errorf("unreadable-rules", diag.Position{File: b.Manifest.Profile}, "", "the rules of IPv%d cannot be read: %v", family, err)
		return list
	}
	for _, claim := range claims {
		list = append(list, claim(r)...)
	}
	return list
}

// once leaves out what was found in the other family before.
func once(list diag.List) (all diag.List) {
	for _, d := range list {
		same := func(e diag.Diagnostic) bool {
			return e.Code == d.Code && e.Position == d.Position && e.Subject == d.Subject && e.Message == d.Message
		}
		if !slices.ContainsFunc(all, same) {
			all = append(all, d)
		}
	}
	return all
}

// rules are the rules of one family, and what they do with every packet.
type rules struct {
	*exact.World
	g        *bdd.Graph
	name     string // of the profile
	profile  *profile.Profile
	firewall *exact.Firewall
	ruleText []byte
	origins  map[exact.RuleID]bundle.Origin
	parts    map[string]string // of kernel sets: the part of the profile
	walks    map[exact.Hook]*exact.Result
}

func read(p *profile.Profile, b *bundle.Bundle, family ruleset.Family) (*rules, error) {
	file := bundle.RulesV4
	if family == ruleset.V6 {
		file = bundle.RulesV6
	}
	f, err := exact.Read(family, b.File(file), b.File(bundle.Sets))
	if err != nil {
		return nil, err
	}
	w := exact.NewWorld(family, f)
	r := &rules{
		World: w, g: w.Graph(), name: b.Manifest.Profile, profile: p, firewall: f, ruleText: b.File(file), origins: map[exact.RuleID]bundle.Origin{}, parts: map[string]string{},
		walks: map[exact.Hook]*exact.Result{},
	}
	for _, e := range b.Manifest.Rules {
		if e.Family == int(family) {
			r.origins[exact.RuleID{Table: e.Table, Chain: e.Chain, Number: e.Number}] = e.Origin
		}
	}
	for _, s := range b.Manifest.Sets {
		r.parts[s.Name] = s.Part
	}
	return r, nil
}

// walk is what the rules do with every packet at a hook.
func (r *rules) walk(hook exact.Hook) *exact.Result {
	if r.walks[hook] == nil {
		r.walks[hook] = r.Walk(r.firewall, hook, r.Possible())
	}
	return r.walks[hook]
}
