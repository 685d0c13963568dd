package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// bans reports whether the profile bans anyone.
func (l *lowering) bans() bool { return l.profile.Scan.Probes > 0 }

// grows reports whether a second ban lasts longer than a first.
func (l *lowering) grows() bool { return l.profile.Scan.BanRepeat > l.profile.Scan.Ban }

// banned refuses the new packets of banned sources. It is before all
// services, or behind them, as the scope says. Open connections
// passed before, also those that were open before the first rule, so that a ban
// ends no connection.
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
// when it is not banned: a user who tries again and again is not a scanner, and
// does not renew the ban. A proven source goes on to the service, at a low rate.
func (f *filter) bannedServices(p part) []ruleset.Rule {
	var rules []ruleset.Rule
	for _, s := range f.profile.Services {
		ways := f.ways(s)
		if f.disabled() || !f.hides() {
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

// countsAll reports whether all ports that no service answers count, also those at
// which somebody may have business. A scanner with many addresses sees by a ban that
// hides services whether the last port has counted, and would tell those ports.
func (l *lowering) countsAll() bool { return l.bans() && l.hides() }

// A ban is added, and renewed, within budgets: each of the ways has a part of the
// room. A source for which there is none is banned by a later probe.
const (
	firstBans = banEntries / 2
	renewals  = banEntries / 4
	longBans  = banEntries / 8 // of each of the two ways to it
	repeats   = banEntries / 2 // of each of them, in the set repeat
)

// ban is the target for the probe that is one too many. Where there was no room, the
// source is not banned, and no log says so.
func (f *filter) ban(p part) ruleset.Jump {
	return f.shared("BAN", func() []ruleset.Rule {
		stay := f.profile.Scan.Ban
		first := f.notIn("ban")
		rules := append(f.banLonger(p, "strike"),
			p.rule("ban", f.addTo("ban"), first, ruleset.Limit{Rate: f.budget(firstBans, stay)}),
			p.rule("no room", f.end(unlogged), first))
		if f.grows() {
			limit := ruleset.Limit{Rate: f.budget(strikeEntries, remembered(stay))}
			rules = append(rules, p.rule("strike", f.addTo("strike"), limit))
		}
		return append(rules, p.rule("ban", f.end(brokeIt)))
	})
}

// Of the packets of banned sources so many may renew a ban, of all sources together,
// since a flood in their names must be cheap.
var renewed = ruleset.Rate{Count: 1000, Unit: ruleset.PerSecond, Burst: 1000}

// renewedOfEach is how often a source may renew its ban: ten times while it lasts, so
// that those that hurry leave the others room to be banned for longer. The budget of
// renewals then has room for 4,700 sources that probe on and on.
func (l *lowering) renewedOfEach() profile.Rate {
	return profile.Rate{Count: 10, Per: l.profile.Scan.Ban, Burst: 3}
}

// renew is the target for the probes of a source that is banned: the ban begins
// anew, and nothing is logged.
func (f *filter) renew() ruleset.Jump {
	return f.shared("RENEW", func() []ruleset.Rule {
		p := f.scan()
		limits := []ruleset.Match{ruleset.Limit{Rate: renewed}, f.within(p, f.renewedOfEach())}
		return []ruleset.Rule{
			p.rule("ban", f.chain("RENEWED", f.renewedRules(p)), limits...),
			p.rule("banned", ruleset.Drop),
		}
	})
}

// renewCounted renews the ban of a source whose probe is to be counted. Of banned sources
// only those probes come so far that are told by their flags or options, and the knocks of
// proven sources.
func (f *filter) renewCounted(p part) []ruleset.Rule {
	s := f.profile.Scan
	knocks := f.proves() && len(f.profile.Knocks) > 0
	if !f.published && !s.Stealth && !s.Fingerprint && !s.DontFragment && !knocks {
		return nil
	}
	return []ruleset.Rule{p.rule("banned", f.renew(), f.inSet("ban"))}
}

// renewedRules must not make a long ban a short one.
func (f *filter) renewedRules(p part) []ruleset.Rule {
	ban := p.rule("ban", f.addTo("ban"), ruleset.Limit{Rate: f.budget(renewals, f.profile.Scan.Ban)})
	if f.grows() {
		ban.Matches = append([]ruleset.Match{f.notIn("repeat")}, ban.Matches...)
	}
	return append(f.banLonger(p, "repeat"), ban)
}

// banLonger bans for the longer time a source that is in the set repeaters.
func (f *filter) banLonger(p part, repeaters string) []ruleset.Rule {
	if !f.grows() {
		return nil
	}
	stay := f.profile.Scan.BanRepeat
	limit := ruleset.Limit{Rate: both(f.budget(longBans, stay), f.budget(repeats, remembered(stay)))}
	return []ruleset.Rule{p.rule("again", f.repeat(), f.inSet(repeaters), limit)}
}

// repeat bans a source again and remembers that it did: the next renewal must
// not make a long ban a short one. It has no verdict.
func (f *filter) repeat() ruleset.Jump {
	return f.shared("REPEAT", func() []ruleset.Rule {
		p := f.scan()
		ban := f.addTo("ban")
		ban.Timeout = f.profile.Scan.BanRepeat
		return []ruleset.Rule{p.rule("repeat", f.addTo("repeat")), p.rule("long ban", ban)}
	})
}

func (f *filter) addTo(set string) ruleset.AddToSet {
	return ruleset.AddToSet{Set: f.setName(set), Direction: ruleset.ToSource}
}

func (f *filter) notIn(set string) ruleset.InSet {
	match := f.inSet(set)
	match.Not = true
	return match
}
