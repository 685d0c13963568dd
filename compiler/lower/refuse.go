package lower

import (
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// reason is the word that is in the log behind the profile's prefix: why a
// packet was refused. Reading a profile leaves room for 8 bytes and a blank.
type reason string

const (
	// unlogged is for what says nothing new, such as a probe that was counted
	// before: a client that retries must not look like a scanner to those who
	// count lines.
	unlogged    reason = ""
	overLimit   reason = "limit"   // more than a source may
	fromBlocked reason = "block"   // a source of access.block
	notForThem  reason = "trusted" // a trusted source at what it may not reach
	intoInside  reason = "inside"  // from elsewhere to what is not published
	isProbe     reason = "scan"    // a new packet to what no service answers
	brokeIt     reason = "ban"     // the probe by which a source got itself banned
	// otherProtocol is for packets of neither TCP, UDP nor ICMP.
	otherProtocol reason = "other"
	fromProven    reason = "known" // either of the last two, of a proven source, where fail2ban counts lines
)

// drop is the target for what is refused without an answer: through the log,
// where the profile has one.
func (f *filter) drop(why reason) ruleset.Target {
	if !f.logs(why) {
		return ruleset.Drop
	}
	return f.shared(chainFor("DROP", why), func() []ruleset.Rule {
		return append(f.log(why), f.policy().rule("refused", ruleset.Drop))
	})
}

// end is the target for what no rule accepted: dropped, or answered where the
// policy says so.
func (f *filter) end(why reason) ruleset.Target {
	if f.profile.Policy.Input != profile.Reject || f.published {
		return f.drop(why)
	}
	if !f.logs(why) {
		return f.shared("REJECT", f.answers)
	}
	return f.shared(chainFor("REJECT", why), func() []ruleset.Rule {
		answers := f.answers()
		if why == otherProtocol {
			answers = answers[1:] // TCP has ended before
		}
		return append(f.log(why), answers...)
	})
}

func (f *filter) answers() []ruleset.Rule {
	return []ruleset.Rule{
		f.policy().rule("refused", ruleset.Reject{Family: f.family, Reset: true}, ruleset.Proto{Protocol: ruleset.TCP}),
		f.policy().rule("refused", ruleset.Reject{Family: f.family}),
	}
}

func (f *filter) logs(why reason) bool { return why != unlogged && f.profile.Log.Rate.Count > 0 }

func chainFor(verdict string, why reason) string {
	return verdict + "-" + strings.ToUpper(string(why))
}

// log writes what is refused to the kernel log: within what each source may
// write, whatever the reason, and within what all of them may for this reason.
// The source is asked first. A scanner that has used up its lines then takes
// none from others, and what it does for one reason hides no other. Only packets
// that fit into askedLines come so far: a flood of forged sources would make the
// kernel remember each of them.
//
// Bans have a share of their own: their lines are those that people look for,
// and the probes before a ban must not use them up. Where fail2ban must not
// count proven sources (spares), their lines say that they are known.
func (f *filter) log(why reason) []ruleset.Rule {
	l := f.profile.Log
	p := f.part("log", l.Position)
	share := p
	if why == brokeIt {
		share = f.part("log.ban", l.Position)
	}
	line := func(says reason, of ...ruleset.Match) ruleset.Rule {
		limits := []ruleset.Match{ruleset.Limit{Rate: askedLines(l.Rate)}, f.within(share, l.PerSource), ruleset.Limit{Rate: limitRate(l.Rate)}}
		return p.rule(string(says), ruleset.Log{Prefix: l.Prefix + string(says) + " "}, append(of, limits...)...)
	}
	var quiet []ruleset.Rule
	if why == isProbe {
		quiet = f.unloggedKnocks()
	}
	if !f.spares(why) {
		return append(quiet, line(why))
	}
	known := f.inSet("proven")
	others := known
	others.Not = true
	return append(quiet, line(fromProven, known), line(why, others))
}

// askedLines is how many refused packets ask for a line, of all sources: many more
// than get one, so that a source which asks a thousand times a second hides no
// other.
func askedLines(written profile.Rate) ruleset.Rate {
	asked := ruleset.Rate{Count: 1000, Unit: ruleset.PerSecond, Burst: max(1000, written.Burst)}
	if uint64(written.Count) > 1000*uint64(written.Per/time.Second) {
		return limitRate(profile.Rate{Count: written.Count, Per: written.Per, Burst: asked.Burst})
	}
	return asked
}
