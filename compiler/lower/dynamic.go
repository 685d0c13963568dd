package lower

import (
	"time"

	"hardenctl/compiler/profile"
	"hardenctl/compiler/ruleset"
)

// Sizes of the sets that packets fill. An attacker can fill them with forged
// sources; 65,536 entries take 2 to 4 MB. 16,384 buckets hold them all.
const (
	dynamicBuckets = 16384
	dynamicEntries = 65536
)

// Nobody can forge a proven source, so that set holds every visitor of a busy
// site: 262,144 entries take 12 MB.
const (
	provenBuckets = 65536
	provenEntries = 262144
)

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

// addBanSets adds what is known of sources: seen, the ports that they have
// tried; ban; strike, those that were banned of late; repeat, those that were
// banned again; and proven.
//
// A full set that forgers can fill forgets an old entry for a new one: a
// scanner whose ban is forgotten is banned anew at the next probe, and the same
// forgers would otherwise keep every ban out. A full proven set keeps those who
// are in it.
func (l *lowering) addBanSets(family ruleset.Family) {
	scan := l.profile.Scan
	l.addDynamic(family, "seen", ruleset.Set{Type: ruleset.HashIPPort, Timeout: max(scan.Window, scan.Slow.Window), ForceAdd: true})
	l.addSources(family, "ban", ruleset.Set{Timeout: scan.Ban, ForceAdd: true})
	if scan.Engine == profile.Sets {
		l.addCountingSets(family)
	}
	if l.grows() {
		l.addSources(family, "strike", ruleset.Set{Timeout: remembered(scan.Ban), ForceAdd: true})
		l.addSources(family, "repeat", ruleset.Set{Timeout: remembered(scan.BanRepeat), ForceAdd: true})
	}
	if l.proves() {
		l.addSources(family, "proven", ruleset.Set{Timeout: scan.Proven, HashSize: provenBuckets, MaxElements: provenEntries})
	}
}

// addCountingSets adds the sets in which probes are counted: an entry of each
// stays for its window, from the first probe on.
func (l *lowering) addCountingSets(family ruleset.Family) {
	scan := l.profile.Scan
	l.addSources(family, "scan", ruleset.Set{Timeout: scan.Window, Counters: true, ForceAdd: true})
	if scan.Slow.Count > 0 {
		l.addSources(family, "slow", ruleset.Set{Timeout: scan.Slow.Window, Counters: true, ForceAdd: true})
	}
}

// remembered is for how long a ban is remembered, counted from its beginning:
// a week from its end, within what ipset takes as a timeout.
func remembered(ban time.Duration) time.Duration {
	const day = 24 * time.Hour
	return min(ban+7*day, 24*day)
}

// addSources adds a set of sources. What is still being counted is not kept over
// a reboot: an entry would come back without its count.
func (l *lowering) addSources(family ruleset.Family, name string, s ruleset.Set) {
	s.Type, s.Netmask = ruleset.HashIP, banMask(family)
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
	s.Name, s.Family, s.Dynamic = l.ownSet(name, family), family, true
	if s.HashSize == 0 {
		s.HashSize, s.MaxElements = dynamicBuckets, dynamicEntries
	}
	s.Origin = l.origin("scan", l.profile.Scan.Position)
	l.sets = append(l.sets, s)
}
