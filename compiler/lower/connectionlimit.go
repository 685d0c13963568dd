package lower

import (
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Connlimit keeps a list of the connections of every source, which the kernel
// tidies at each new one and in a worker beside: a public web server pays 7 % of
// its new connections for it, although hardly any visitor comes near the limit.
// So it does not count the first connections of a source, an eighth of the limit,
// and allows the other seven eighths from then on. A source that opens few is never
// counted, and no source holds more than the limit.
//
// The first connections are counted by the set "callers", whose entries count
// packets: one look counts and compares. An entry begins with the first packet
// of a source to any service that counts, and ends a day later, whatever comes
// meanwhile. Then the source is spared another eighth. Rates ask the same set
// (newsources.go), so that a source's packets to one service count for all.
//
// A source that fills the set with forged ones, or waits until it is forgotten, is
// spared another eighth, and keeps no other source out.
const (
	sparedShare = 8
	// leastSpared is about twice what a browser opens at once. Below, nearly every
	// visitor would be counted, and the two looks into the set be wasted.
	leastSpared = 50
	callersStay = 24 * time.Hour
)

// The set of callers holds the visitors of a day: 262,144 entries take 16 MB.
const (
	callerBuckets = 65536
	callerEntries = 262144
)

// spared is how many connections of a source are not counted for a service: none
// where the service is not for everyone, since the sources that it states are few, and
// open many each.
func spared(s profile.Service) uint32 {
	free := s.ConnectionsPerSource.N / sparedShare
	if !s.AnySource() || free < leastSpared || len(portsOf(s.Ports, profile.TCP)) == 0 {
		return 0
	}
	return free
}

// limitOpen refuses what a source opens beyond the connections that it may hold.
func (f *filter) limitOpen(s profile.Service) []ruleset.Rule {
	p, tcp, free := f.service(s), ruleset.Proto{Protocol: ruleset.TCP}, spared(s)
	most := ruleset.ConnLimit{Above: s.ConnectionsPerSource.N - free, Prefix: f.sourcePrefix()}
	const does = "connections per source"
	if free == 0 {
		return []ruleset.Rule{p.rule(does, f.drop(overLimit), tcp, most)}
	}
	return []ruleset.Rule{p.rule(does, f.drop(overLimit), tcp, f.beyond("callers", free), most)}
}

// addCallerSets adds the set of callers where a service counts any.
func (l *lowering) addCallerSets() {
	first := slices.IndexFunc(l.profile.Services, l.countsCallers)
	if first < 0 {
		return
	}
	s := l.profile.Services[first]
	for _, family := range l.openFamilies() {
		l.sets = append(l.sets, ruleset.Set{
			Name: setName("callers", family), Family: family, Type: ruleset.HashIP, Netmask: banMask(family),
			Dynamic: true, Timeout: callersStay, Counters: true, ForceAdd: true,
			HashSize: callerBuckets, MaxElements: callerEntries,
			Origin: l.origin("services."+s.Name, s.Position),
		})
	}
}
