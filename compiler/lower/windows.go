package lower

import (
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A port counts once for each source, so that a client that retries one closed
// port is not banned for it. So what a source has tried must not be forgotten while
// the source is counted, whatever floods come: a set of the ports tried never makes
// room for a new one. Its budget (budget.go) keeps it from filling up, and a port for
// which the budget had no room is not counted. A flood delays bans, and makes none.
//
// A forger can use up the budget of an hour or a day with few packets a second. So
// ports are counted in windows, each with sets of its own: every port is counted in a
// rush of half a minute, whose budget is all that is looked at. There a scanner that
// tries more than a port in three seconds is found beside any flood, and a slow one
// when the flood is over. A longer rush takes more memory, or looks at less.
//
// In IPv6 a port counts once for all of a /64, in which many legitimate clients may be.
// A set cuts no source to its /64 beside a port, unless kernel and tool are of 2023
// or later. So the set remembers each address, and hashlimit, which cuts, is asked
// behind it: it gets no more entries than the set, and its table never fills.

// window is a time in which the ports are counted that a source has tried.
type window struct {
	sources string // the set, table or list that counts
	ports   string // the set of ports tried
	does    string
	probes  uint32
	lasts   time.Duration
	room    uint32 // of either set
}

// Room for the ports of a window, which is enough for as many sources: an entry of
// either begins with a new port.
const (
	windowEntries = 131072
	rushEntries   = 131072
	rushLasts     = 30 * time.Second
)

func (l *lowering) window() window {
	s := l.profile.Scan
	return window{"scan", "seen", "too many probes", s.Probes, s.Window, windowEntries}
}

func (l *lowering) slow() window {
	s := l.profile.Scan.Slow
	return window{"slow", "seen-slow", "too many slow probes", s.Count, s.Window, windowEntries}
}

// rush counts every port for a short time, never longer than the first window.
func (l *lowering) rush() window {
	s := l.profile.Scan
	return window{"rush", "seen-rush", "too many probes in a rush", s.Probes, min(rushLasts, s.Window), rushEntries}
}

func (l *lowering) windows() []window {
	all := []window{l.window(), l.rush()}
	if l.profile.Scan.Slow.Count > 0 {
		all = append(all, l.slow())
	}
	return all
}

// portsStay is a moment longer than the window, so that a port is known for as long
// as the source is counted, whose entry begins a moment later.
func (w window) portsStay() time.Duration { return w.lasts + time.Second }

// count is the way of a probe. What comes from a banned source is not counted any
// more: it renews the ban.
func (f *filter) count(p part) []ruleset.Rule {
	first := f.window()
	rules := slices.Concat(
		f.renewCounted(p),
		f.tripwires(p),
		[]ruleset.Rule{
			p.rule("counted before", f.end(unlogged), f.tried(first)),
			p.rule("count", f.addPort(first), ruleset.Limit{Rate: f.budget(first.room, first.portsStay())}),
			p.rule("count in a rush", f.chain("RUSH", f.countRush(p, first))),
			p.rule("no room", f.end(isProbe), f.notTried(first)),
		},
		f.triedNearby(p, first, f.end(isProbe)),
		f.tooMany(p, first))
	if slow := f.slow(); slow.probes > 0 {
		rules = append(rules, p.rule("slow", f.chain("SLOW", f.countSlow(p, slow)), f.notTried(slow)))
	}
	return append(rules, p.rule("probe", f.end(isProbe)))
}

// countRush counts every port, also one that the first window has room for: a source
// of which each window knew a part would have the probes of both.
func (f *filter) countRush(p part, first window) []ruleset.Rule {
	rush := f.rush()
	return slices.Concat(
		[]ruleset.Rule{
			p.rule("counted before", f.end(unlogged), f.tried(rush), f.notTried(first)),
			p.rule("counted before", ruleset.Return, f.tried(rush)),
			p.rule("count", f.addPort(rush)),
			p.rule("no room", ruleset.Return, f.notTried(rush)),
		},
		f.triedNearby(p, rush, ruleset.Return),
		f.tooMany(p, rush))
}

func (f *filter) countSlow(p part, slow window) []ruleset.Rule {
	return slices.Concat(
		[]ruleset.Rule{
			p.rule("count", f.addPort(slow), ruleset.Limit{Rate: f.budget(slow.room, slow.portsStay())}),
			p.rule("no room", ruleset.Return, f.notTried(slow)),
		},
		f.triedNearby(p, slow, ruleset.Return),
		f.tooMany(p, slow))
}

func (f *filter) tried(w window) ruleset.InSet {
	return ruleset.InSet{Set: f.setName(w.ports), Direction: ruleset.ToSourceAndDPort}
}

func (f *filter) notTried(w window) ruleset.InSet {
	match := f.tried(w)
	match.Not = true
	return match
}

func (f *filter) addPort(w window) ruleset.AddToSet {
	return ruleset.AddToSet{Set: f.setName(w.ports), Direction: ruleset.ToSourceAndDPort}
}

// triedNearby ends the way of a probe whose port another address of its /64 has tried
// in the window. The table knows no protocol, so there is one for each.
func (f *filter) triedNearby(p part, w window, end ruleset.Target) []ruleset.Rule {
	if f.family == ruleset.V4 {
		return nil
	}
	var rules []ruleset.Rule
	for _, protocol := range []ruleset.Protocol{ruleset.TCP, ruleset.UDP} {
		again := ruleset.SourceRate{Rate: perWindow(1, w.lasts), Ports: true, Prefix: f.sourcePrefix(), TableMax: w.room, Expire: w.lasts}
		again.Name = f.tableName(f.family, p.origin.Part+" "+w.ports+" "+string(protocol), again)
		rules = append(rules, p.rule("tried nearby", end, ruleset.Proto{Protocol: protocol}, again))
	}
	return rules
}

// tooMany bans a source that has used up its probes in a window. It counts in a set,
// table or list of the window's own: the window is how long a set keeps its entries,
// and xt_recent reaps a list by the window of the rule that looks.
func (f *filter) tooMany(p part, w window) []ruleset.Rule {
	switch f.profile.Scan.Engine {
	case profile.Sets:
		return []ruleset.Rule{p.rule(w.does, f.ban(p), f.beyond(w.sources, w.probes)), f.enter(p, w.sources)}
	case profile.Hashlimit:
		// Windows of one length have tables of their own: in one, each port would count twice.
		own := f.part(p.origin.Part+" "+w.sources, f.profile.Scan.Position)
		return []ruleset.Rule{p.rule(w.does, f.ban(p), f.sourceRate(own, perWindow(w.probes, w.lasts), w.lasts, tableMax))}
	}
	list, prefix := setName(w.sources, f.family), f.sourcePrefix()
	return []ruleset.Rule{
		p.rule("count", nil, ruleset.Recent{Action: ruleset.RecentSet, Name: list, Prefix: prefix}),
		p.rule(w.does, f.ban(p), ruleset.Recent{
			Action: ruleset.RecentCheck, Name: list, Window: w.lasts, Hits: uint8(w.probes + 1), Prefix: prefix}),
	}
}
