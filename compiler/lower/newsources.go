package lower

import (
	"math"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A full table of hashlimit drops the packets of every new source, a customer's
// too, and 262,144 forged ones fill it within seconds. So a rate is asked only of
// sources that the set of callers knows, and that have come more often than an
// eighth of its burst. The other seven eighths are allowed from then on: no source
// gets more than the burst at once, and all of it on the first visit of a day.
//
// The table holds twice as many sources as the set, and forgets one when its bucket
// is full again. Since a service brings no more than 1,000 a second into the set
// (newSources), a rate whose bucket fills within a minute has room in its table
// however long a flood lasts, with four services that count. One that takes longer
// can be filled, by a flood of minutes.
//
// The price: while forged sources take up those 1,000, a source that the set does
// not know may go uncounted, and its limit does not bind. The service stays open,
// and a source that sends much gets into the set soon.
const callerTable = 2 * callerEntries

// share is how much of a burst is not counted. It is one packet at least, since
// the first of a source only makes it known: a burst of 1 lets in 2, once a day.
func share(burst uint32) uint32 { return max(1, burst/sparedShare) }

// A look into the set of callers counts the packet, unless the look of a rule
// before has counted it.
const (
	counts  = false
	counted = true
)

// known matches a packet beyond a rate, of a source that the set of callers knows.
func (f *filter) known(p part, rate profile.Rate, before bool) []ruleset.Match {
	look := f.beyond("callers", share(rate.Burst))
	look.Uncounted = before
	expire := max(idle, refill(rate))
	rate.Burst = max(1, rate.Burst-share(rate.Burst))
	return []ruleset.Match{look, f.sourceRate(p, hashlimitRate(rate), expire, callerTable)}
}

// limitCallers refuses new connections to a service beyond its rate. Where the look
// of limitOpen counts TCP connections, only UDP is counted here.
func (f *filter) limitCallers(s profile.Service) []ruleset.Rule {
	p, rate := f.service(s), s.NewPerSource.Rate
	refuse := func(before bool, kind ...ruleset.Match) ruleset.Rule {
		return p.rule("new per source", f.drop(overLimit), append(kind, f.known(p, rate, before)...)...)
	}
	switch {
	case spared(s) == 0:
		return []ruleset.Rule{refuse(counts)}
	case len(portsOf(s.Ports, profile.UDP)) == 0:
		return []ruleset.Rule{refuse(counted)}
	}
	return []ruleset.Rule{
		refuse(counted, ruleset.Proto{Protocol: ruleset.TCP}),
		refuse(counts, ruleset.Proto{Protocol: ruleset.UDP}),
	}
}

// countCallers makes the callers of a service known to the set, of the protocols
// that a limit of it counts.
func (f *filter) countCallers(s profile.Service) []ruleset.Rule {
	tcp, udp := f.countsTCP(s), f.countsUDP(s)
	switch p := f.service(s); {
	case tcp && udp:
		return []ruleset.Rule{f.countIn(p, "callers")}
	case tcp:
		return []ruleset.Rule{f.countIn(p, "callers", ruleset.Proto{Protocol: ruleset.TCP})}
	case udp:
		return []ruleset.Rule{f.countIn(p, "callers", ruleset.Proto{Protocol: ruleset.UDP})}
	}
	return nil
}

// asksCallers reports whether the rate of a service is asked of known callers
// only: where it is open to everyone, or to so many that forgers among them can fill
// the table of a limit.
func (l *lowering) asksCallers(s profile.Service) bool {
	return s.NewPerSource.Rate.Count > 0 && !hasOthers(s) && (s.AnySource() || l.stated(s) > tableMax)
}

// hasOthers reports whether a service has ports or protocols beside TCP and UDP, whose
// callers are not in the set.
func hasOthers(s profile.Service) bool {
	return len(s.Protocols) > 0 || slices.ContainsFunc(s.Ports, func(p profile.Port) bool {
		return p.Protocol != profile.TCP && p.Protocol != profile.UDP
	})
}

// stated is how many sources a service states, of the family in which they are more.
func (l *lowering) stated(s profile.Service) float64 {
	var most float64
	for _, family := range ruleset.Families {
		var of float64
		for _, from := range l.profile.Sources(s) {
			at := slices.IndexFunc(l.sets, func(set ruleset.Set) bool { return set.Name == setName(fromSet(s, from), family) })
			if at >= 0 {
				of += sources(l.sets[at].Members, sourcePrefix(family))
			}
		}
		most = max(most, of)
	}
	return most
}

// sources counts what limits tell apart in prefixes: pieces of this length.
func sources(prefixes []netip.Prefix, length int) (n float64) {
	for _, p := range prefixes {
		n += math.Exp2(float64(max(0, length-p.Bits())))
	}
	return n
}

func (l *lowering) countsTCP(s profile.Service) bool {
	return spared(s) > 0 || l.asksCallers(s) && len(portsOf(s.Ports, profile.TCP)) > 0
}

// countsUDP holds for UDP's common rate too, which all services share, public or
// not: what they count is one allowance.
func (l *lowering) countsUDP(s profile.Service) bool {
	common := !s.NewPerSource.Stated() && l.profile.UDP.NewPerSource.Rate.Count > 0
	return (l.asksCallers(s) || common) && len(portsOf(s.Ports, profile.UDP)) > 0
}

// countsCallers reports whether any limit that a service meets looks into the set.
func (l *lowering) countsCallers(s profile.Service) bool {
	packets := l.profile.UDP.PacketsPerSource.Stated() && len(portsOf(s.Ports, profile.UDP)) > 0
	return packets || l.countsTCP(s) || l.countsUDP(s)
}
