package lower

import (
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A set that decides about legitimate clients must neither be full nor forget. Its
// entries are added, and renewed, within a rate and a burst, its budget: while an
// entry stays, no more are added than there is room for. To reload the rules fills
// the burst anew; then a set may be full for once, and refuses.

// mostBurst is the largest burst that iptables takes (libxt_limit.c).
const mostBurst = 10000

// Of a set's room an eighth stays free: to add to a part of the set that is full
// costs 25 µs, in which the kernel looks for entries whose time is over (mtype_add
// in its ip_set_hash_gen.h).
const (
	roomParts = 8
	roomUsed  = 7
)

// collected is how long entries are in a set after their time is over, until the
// kernel removes them (IPSET_GC_PERIOD in its ip_set_timeout.h).
func collected(stay time.Duration) time.Duration {
	return min(max(time.Second, stay/3), 3*time.Minute)
}

// budget is at what rate entries that stay for this long may be added to room for so
// many. Where published ports are filtered too, the same set is filled by rules in
// two tables, each of which has half.
func (l *lowering) budget(room uint32, stay time.Duration) ruleset.Rate {
	if l.profile.Policy.Forward == profile.Published {
		room /= 2
	}
	used := uint64(room) / roomParts * roomUsed
	burst := min(mostBurst, used/8)
	daily := (used - burst) * uint64(day/time.Millisecond) / uint64((stay+collected(stay))/time.Millisecond)
	// The kernel's limit holds no more than its rate brings in a day
	// (CREDITS_PER_JIFFY in its xt_limit.c).
	return noMoreThan(daily, uint32(min(burst, daily*9/10)))
}

const day = 24 * time.Hour

// noMoreThan is a rate of at most so many a day, in the finest unit in which it is
// at least ten. Since the kernel counts in ticks, it lets through more than a rate
// that is not a whole number of them says.
func noMoreThan(daily uint64, burst uint32) ruleset.Rate {
	unit, count := day, max(daily, 1)
	for _, u := range slices.Backward(units) {
		if n := daily * uint64(u.Duration()) / uint64(day); n >= 10 {
			unit, count = u.Duration(), n
			break
		}
	}
	allows := func(count uint64) uint64 {
		cost := max(1, limitTicks*uint64(unit/time.Second)/count)
		return limitTicks * uint64(day/time.Second) / cost
	}
	for count > 1 && allows(count) > daily {
		count--
	}
	return settle(count, unit, burst, limitTicks)
}

// both is the budget of entries that are added to two sets at once.
func both(a, b ruleset.Rate) ruleset.Rate {
	if daily(a) > daily(b) {
		a, b = b, a
	}
	a.Burst = min(a.Burst, b.Burst)
	return a
}

func daily(r ruleset.Rate) uint64 { return uint64(r.Count) * uint64(day/r.Unit.Duration()) }

// lookedAt is how many probes are looked at, of all sources: as many as the sets of
// a rush have room for.
func (l *lowering) lookedAt() ruleset.Rate {
	rush := l.rush()
	return l.budget(rush.room, rush.portsStay())
}
