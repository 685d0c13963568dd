package lower

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// The kernel keeps a rate as the ticks that one token costs, a whole number
// (XT_HASHLIMIT_SCALE_v2 and XT_LIMIT_SCALE in the kernel's headers, ticks in a
// second). A rate is stated here as iptables reads it back from those ticks, so
// that a ruleset says what the kernel does.
const (
	hashlimitTicks = 1_000_000
	limitTicks     = 10_000
)

// tableMax is how many sources a limit remembers. A full table refuses every
// new source, so it is large: 262,144 sources take about 25 MB when attackers
// fill it, and none before. A limit that must not refuse new sources asks the set
// of callers first (known).
const tableMax = 262144

// idle is the least time for which a limit remembers a source. It is short: an
// attacker with many forged sources fills the table until they are forgotten.
const idle = time.Second

// sourcePrefix is what counts as one source: an IPv4 address, or the IPv6 /64
// that one customer has at the least.
func (f *filter) sourcePrefix() int { return sourcePrefix(f.family) }

func sourcePrefix(family ruleset.Family) int {
	if family == ruleset.V6 {
		return 64
	}
	return 32
}

// limitNew refuses new connections above a limit: a rate by hashlimit, a quota
// by recent, whose list carries the name.
func (f *filter) limitNew(p part, name string, limit profile.Limit) []ruleset.Rule {
	if limit.Quota.Count > 0 {
		return f.quota(p, name, limit.Quota)
	}
	return []ruleset.Rule{p.rule("new per source", f.drop(overLimit), f.above(p, limit.Rate))}
}

// quota looks before it records, so that refused attempts do not renew the
// refusal: a client that keeps trying is served again as soon as the window
// has room.
func (f *filter) quota(p part, name string, q profile.Quota) []ruleset.Rule {
	list := setName(name, f.family)
	check := ruleset.Recent{Action: ruleset.RecentCheck, Name: list, Window: q.Window, Hits: uint8(q.Count), Prefix: f.sourcePrefix()}
	record := ruleset.Recent{Action: ruleset.RecentSet, Name: list, Prefix: f.sourcePrefix()}
	return []ruleset.Rule{
		p.rule("new per source", f.drop(overLimit), check),
		p.rule("count", nil, record),
	}
}

// above matches a source beyond its rate; within matches one inside it.
func (f *filter) above(p part, rate profile.Rate) ruleset.SourceRate {
	return f.sourceRate(p, hashlimitRate(rate), max(idle, refill(rate)), tableMax)
}

func (f *filter) within(p part, rate profile.Rate) ruleset.SourceRate {
	match := f.above(p, rate)
	match.UpTo = true
	return match
}

func (f *filter) sourceRate(p part, rate ruleset.Rate, expire time.Duration, most uint32) ruleset.SourceRate {
	match := ruleset.SourceRate{Rate: rate, Prefix: f.sourcePrefix(), TableMax: most, Expire: expire}
	match.Name = f.tableName(f.family, p.origin.Part, match)
	return match
}

// tableName names hashlimit's table after its settings: the kernel takes a
// table that exists under a name as it is, with the rate that it was made with.
// The name holds 15 characters, too few to tell all settings apart for certain: of
// two that come to the same name the second gets another.
func (l *lowering) tableName(family ruleset.Family, part string, m ruleset.SourceRate) string {
	settings := fmt.Sprintf("%s %d/%s %d %d %d %s", part, m.Rate.Count, m.Rate.Unit, m.Rate.Burst, m.Prefix, m.TableMax, m.Expire)
	for sum := sha256.Sum256([]byte(settings)); ; sum = sha256.Sum256(sum[:]) {
		name := fmt.Sprintf("hc%d-%x", family, sum[:4])
		if before, taken := l.tables[name]; !taken || before == settings {
			l.tables[name] = settings
			return name
		}
	}
}

// refill is how long an empty bucket takes to be full: a source that was idle
// for so long can be forgotten.
func refill(rate profile.Rate) time.Duration {
	seconds := uint64(rate.Burst) * uint64(rate.Per/time.Second) / uint64(rate.Count)
	return time.Duration(seconds) * time.Second
}

func hashlimitRate(rate profile.Rate) ruleset.Rate {
	return settle(uint64(rate.Count), rate.Per, rate.Burst, hashlimitTicks)
}

func limitRate(rate profile.Rate) ruleset.Rate {
	return settle(uint64(rate.Count), rate.Per, rate.Burst, limitTicks)
}

// units, coarsest first.
var units = []ruleset.Unit{ruleset.PerDay, ruleset.PerHour, ruleset.PerMinute, ruleset.PerSecond}

// settle returns the rate that iptables prints for count per duration: in the
// finest unit that holds a whole number of tokens (print_rate in iptables'
// libxt_hashlimit and libxt_limit).
func settle(count uint64, per time.Duration, burst uint32, ticks uint64) ruleset.Rate {
	cost := max(1, ticks*uint64(per/time.Second)/count)
	settled := ruleset.Rate{Count: 1, Unit: ruleset.PerDay, Burst: burst}
	for _, unit := range units {
		day := ticks * uint64(unit.Duration()/time.Second)
		if unit != ruleset.PerDay && (cost > day || day/cost < day%cost) {
			break
		}
		settled.Count, settled.Unit = uint32(max(1, day/cost)), unit
	}
	return settled
}

// perWindow is the rate that gives count tokens back in one window: in the
// finest unit that makes it exact, else the next lower whole number a day.
func perWindow(count uint32, window time.Duration) ruleset.Rate {
	for _, unit := range slices.Backward(units) {
		tokens := uint64(count) * uint64(unit.Duration())
		if tokens%uint64(window) == 0 {
			return settle(tokens/uint64(window), unit.Duration(), count, hashlimitTicks)
		}
	}
	daily := uint64(count) * uint64(24*time.Hour) / uint64(window)
	return settle(max(1, daily), 24*time.Hour, count, hashlimitTicks)
}
