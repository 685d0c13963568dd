package lower

import "github.com/hardenctl/hardenctl/compiler/ruleset"

// A set whose entries count packets tells a source that comes often from one
// that does not: a look that finds the source counts and compares in one. The
// first packet of a source puts it there, and its entry ends when its time is
// over, however often it comes meanwhile.
//
// Hashlimit can count too, but a table of it that is full drops the packets of
// every new source, and a forger of source addresses fills it.

// beyond matches from the packet on by which a source has come more than so often.
func (f *filter) beyond(set string, often uint32) ruleset.InSet {
	match := f.inSet(set)
	match.Above = often
	return match
}

// newSources limits how many sources one rule puts into a set that forgets an old
// one for a new one when it is full, of all together. To add to a full set costs
// 25 µs, in which the kernel looks through 1,024 buckets for entries whose time is
// over (mtype_gc_do in its ip_set_hash_gen.h): a flood from forged sources takes 3 %
// of one processor by it, and no more. A source that has no room now is put there by
// a later packet.
var newSources = ruleset.Rate{Count: 1000, Unit: ruleset.PerSecond, Burst: 1000}

// countIn puts a source that the set does not hold into it, if the packet is of
// the kind. It is behind what asks beyond, which counts the others.
func (f *filter) countIn(p part, set string, kind ...ruleset.Match) ruleset.Rule {
	rule := f.enter(p, set)
	rule.Matches = append(append(kind, rule.Matches...), ruleset.Limit{Rate: newSources})
	return rule
}

// enter is countIn for a set that has room for all who come so far.
func (f *filter) enter(p part, set string) ruleset.Rule {
	unknown := f.inSet(set)
	unknown.Not, unknown.Uncounted = true, true
	return p.rule("count", ruleset.AddToSet{Set: unknown.Set, Direction: ruleset.ToSource}, unknown)
}
