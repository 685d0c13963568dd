package lower

import (
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Sizes of the sets that packets fill, of which an attacker can fill as much with
// forged sources as their budgets allow; 65,536 entries take 2 to 4 MB. There are
// buckets enough for all entries: one of them takes 12 at the most.
const (
	dynamicBuckets = 16384
	dynamicEntries = 65536
	entriesABucket = dynamicEntries / dynamicBuckets
)

// Bans, and what is remembered of them: 262,144 entries take 12 MB, 131,072 take 6.
const (
	banEntries    = 262144
	strikeEntries = 131072
)

// A forged source cannot be proven, so that set holds every client of a busy
// site: 262,144 entries take 12 MB.
const provenEntries = 262144

// openFamilies are the families in which anything is open.
func (l *lowering) openFamilies() []ruleset.Family {
	if !l.profile.Policy.IPv6 {
		return []ruleset.Family{ruleset.V4}
	}
	return ruleset.Families[:]
}

// addDynamicSets adds the sets that fill while the rules are live. They are
// made beforehand since the kernel does not grow a set from the packet's path.
// In IPv6 a source is a /64.
func (l *lowering) addDynamicSets() {
	for _, family := range ruleset.Families {
		if l.bans() {
			l.addBanSets(family)
		}
	}
}

// addBanSets adds what is known of sources: for each window the ports that they
// have tried, and how many; ban; strike, those that were banned of late; repeat, those
// that were banned again; and proven. None of them forgets an entry for a new one:
// their budgets leave room (budget.go).
func (l *lowering) addBanSets(family ruleset.Family) {
	scan := l.profile.Scan
	for _, w := range l.windows() {
		l.addDynamic(family, w.ports, ruleset.Set{Type: ruleset.HashIPPort, Timeout: w.portsStay(), MaxElements: w.room})
		if scan.Engine == profile.Sets {
			l.addSources(family, w.sources, ruleset.Set{Timeout: w.lasts, Counters: true, MaxElements: w.room})
		}
	}
	l.addSources(family, "ban", ruleset.Set{Timeout: scan.Ban, MaxElements: banEntries})
	if l.grows() {
		l.addSources(family, "strike", ruleset.Set{Timeout: remembered(scan.Ban), MaxElements: strikeEntries})
		l.addSources(family, "repeat", ruleset.Set{Timeout: remembered(scan.BanRepeat), MaxElements: banEntries})
	}
	if l.proves() {
		l.addSources(family, "proven", ruleset.Set{Timeout: scan.Proven, MaxElements: provenEntries})
		l.addProvenNetworks(family)
	}
}

// remembered is for how long a ban is remembered, counted from its beginning:
// a week from its end, within what ipset takes as a timeout.
func remembered(ban time.Duration) time.Duration {
	return min(ban+7*day, 24*day)
}

// addSources adds a set of sources. What is still being counted is not kept over
// a reboot: an entry would come back without its count.
func (l *lowering) addSources(family ruleset.Family, name string, s ruleset.Set) {
	s.Type = ruleset.HashIP
	if s.Netmask == 0 {
		s.Netmask = banMask(family)
	}
	s.Kept = l.profile.Scan.KeepBans && !s.Counters
	l.addDynamic(family, name, s)
}

// banMask is the length to which a banned address is cut; 0 for none.
func banMask(family ruleset.Family) int {
	if family == ruleset.V6 {
		return 64
	}
	return 0
}

func (l *lowering) addDynamic(family ruleset.Family, name string, s ruleset.Set) {
	s.Name, s.Family, s.Dynamic = setName(name, family), family, true
	if s.MaxElements == 0 {
		s.MaxElements = dynamicEntries
	}
	s.HashSize = s.MaxElements / entriesABucket
	s.Origin = l.origin("scan", l.profile.Scan.Position)
	l.sets = append(l.sets, s)
}
