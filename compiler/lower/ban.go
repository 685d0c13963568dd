package lower

import (
	"slices"

	"hardenctl/compiler/profile"
	"hardenctl/compiler/ruleset"
)

// bans reports whether the profile bans anyone.
func (l *lowering) bans() bool { return l.profile.Scan.Probes > 0 }

// grows reports whether a second ban lasts longer than a first.
func (l *lowering) grows() bool { return l.profile.Scan.BanRepeat > l.profile.Scan.Ban }

// banned refuses the new packets of banned sources. It stands before all
// services, or behind them, as the scope says. Open connections
// passed before, also those that were open before the first rule, so that a ban
// cuts nobody off in the middle.
func (f *filter) banned(at profile.Scope) []ruleset.Rule {
	if !f.bans() || f.profile.Scan.Scope != at {
		return nil
	}
	p := f.scan()
	stray := p.rule("stray", f.bannedStrays(), ruleset.Proto{Protocol: ruleset.UDP})
	rules := slices.Concat(
		[]ruleset.Rule{f.noise()},
		f.bannedServices(p),
		f.bannedKnocks(p),
		[]ruleset.Rule{stray},
		ofPorts(p.rule("probing on", f.renew())),
		[]ruleset.Rule{p.rule("banned", ruleset.Drop)})
	return []ruleset.Rule{p.rule("banned", f.chain("BANNED", rules), f.inSet("ban"))}
}

// bannedStrays is strays for a banned source, which gets no answer, whatever the
// policy says of others.
func (f *filter) bannedStrays() ruleset.Jump {
	if f.end(unlogged) == ruleset.Drop {
		return f.strays("STRAY", ruleset.Drop)
	}
	return f.strays("BANNED-STRAY", ruleset.Drop)
}

// bannedServices is what a banned source meets at a service that it may use
// when it is not banned: a person who tries again and again is no scanner, and
// does not renew the ban. A proven source goes on to the service, at a low rate.
func (f *filter) bannedServices(p part) []ruleset.Rule {
	var rules []ruleset.Rule
	for _, s := range f.profile.Services {
		ways := f.ways(s)
		if f.closed() || !f.hides() {
			continue
		}
		if f.proves() {
			rules = append(rules, f.serviceRules(s, ruleset.Return, f.provenWays(p, ways))...)
		}
		rules = append(rules, f.serviceRules(s, ruleset.Drop, ways)...)
	}
	return rules
}

// provenWays narrows the ways to a service to proven sources at a low rate.
func (f *filter) provenWays(p part, ways [][]ruleset.Match) [][]ruleset.Match {
	var narrow [][]ruleset.Match
	for _, way := range ways {
		narrow = append(narrow, slices.Concat(way, f.knownSource(p)))
	}
	return narrow
}

// knownSource matches a proven source within what it keeps while it is banned.
func (f *filter) knownSource(p part) []ruleset.Match {
	return []ruleset.Match{f.inSet("proven"), f.within(p, provenRate)}
}

// hides reports whether a ban hides services, or leaves those that are stated for
// its source.
func (l *lowering) hides() bool { return l.profile.Scan.Scope == profile.Everything }

// ban is the target for the probe that is one too many.
func (f *filter) ban(p part) ruleset.Jump {
	return f.shared("BAN", func() []ruleset.Rule {
		rules := f.detain(p, "strike")
		if f.grows() {
			rules = append(rules, p.rule("strike", ruleset.AddToSet{Set: f.setName("strike"), Direction: ruleset.ToSource}))
		}
		return append(rules, p.rule("ban", f.end(brokeIt)))
	})
}

// renew is the target for the probes of a source that is banned: the ban begins
// anew, and nothing is logged.
func (f *filter) renew() ruleset.Jump {
	return f.shared("RENEW", func() []ruleset.Rule {
		p := f.scan()
		return append(f.detain(p, "repeat"), p.rule("banned", ruleset.Drop))
	})
}

// detain bans the source: for the longer time if it is in the set repeaters.
func (f *filter) detain(p part, repeaters string) []ruleset.Rule {
	ban := p.rule("ban", ruleset.AddToSet{Set: f.setName("ban"), Direction: ruleset.ToSource})
	if !f.grows() {
		return []ruleset.Rule{ban}
	}
	first := f.inSet(repeaters)
	first.Not = true
	ban.Matches = []ruleset.Match{first}
	return []ruleset.Rule{p.rule("again", f.repeat(), f.inSet(repeaters)), ban}
}

// repeat bans a source again and remembers that it did: the next renewal must
// not make a long ban a short one. It has no verdict.
func (f *filter) repeat() ruleset.Jump {
	return f.shared("REPEAT", func() []ruleset.Rule {
		p := f.scan()
		ban := ruleset.AddToSet{Set: f.setName("ban"), Direction: ruleset.ToSource, Timeout: f.profile.Scan.BanRepeat}
		return []ruleset.Rule{
			p.rule("repeat", ruleset.AddToSet{Set: f.setName("repeat"), Direction: ruleset.ToSource}),
			p.rule("long ban", ban),
		}
	})
}
