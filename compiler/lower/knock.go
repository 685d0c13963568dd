package lower

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A knock keeps, for each source, how many of its ports it has heard in the
// right order: a source in the set "2-NAME" has sent the first two. An entry
// stays for the time that may pass between two knocks. The last knock puts the
// source into "k-NAME", where it stays for as long as the door is open.
//
// Every TCP and UDP packet that no service answers passes the chain K-NAME. A right knock
// goes on to the chain of its number; anything else takes the source back to
// the beginning, so that a scan of many ports does not open the door, whatever
// its order. What is sent again (a SYN without an answer, a datagram that
// the network doubled) is heard again and changes nothing.
//
// No port of a sequence is ever logged, in whatever order they come: a lost packet
// would turn the rest of a right sequence into lines. They are counted as probes
// where a ban hides services, since a scanner with many addresses would learn the
// sequence by what does not ban them. There check sees to it that a person who knocks
// has probes enough.
//
// A source is one address, also in IPv6. Limits and bans take the whole /64,
// because an attacker has that many addresses; a door opens to one, since
// others in that /64 have not knocked. Client and server agree on one pair of
// addresses, so the connection comes from where the knocks came from.
//
// Sets do this better than xt_recent, whose lists hold 100 sources by default:
// 150 that knocked once between two knocks of another made it forget that one.

// knocks sends what no service answers past every knock of the profile. A port
// that is published, but not stated, is a wrong one for all of them.
func (f *filter) knocks() []ruleset.Rule {
	if f.disabled() {
		return nil
	}
	var rules []ruleset.Rule
	for _, k := range f.profile.Knocks {
		if f.published {
			rules = append(rules, ofPorts(f.wrongPort(k))...)
			continue
		}
		jump := f.shared("K-"+k.Name, func() []ruleset.Rule { return f.knock(k) })
		rules = append(rules, ofPorts(f.knockPart(k).rule("", jump))...)
	}
	return rules
}

// trustedKnocks are the knocks of sources that nothing else limits: being
// exempt gains no access, so that they knock like everyone else.
func (f *filter) trustedKnocks() []ruleset.Rule {
	knocks := f.knocks()
	if len(knocks) == 0 || f.published {
		return knocks
	}
	return append([]ruleset.Rule{f.noise()}, knocks...)
}

func (f *filter) knockPart(k profile.Knock) part { return f.part("knocks."+k.Name, k.Position) }

// knock listens to the last knock first, since a port may be in a sequence
// twice: what a source has come furthest with counts. The chain of a knock comes back
// here, where its packet ends: to end it there would nest chains too deep for nft, which
// allows 15 jumps (NFT_JUMP_STACK_SIZE in the kernel's nf_tables.h).
func (f *filter) knock(k profile.Knock) []ruleset.Rule {
	p := f.knockPart(k)
	var rules []ruleset.Rule
	for number := len(k.Sequence); number > 0; number-- {
		matches := []ruleset.Match{knockPort(k.Sequence[number-1])}
		if number > 1 {
			matches = append(matches, f.inSet(heard(number-1, k)))
		}
		does := fmt.Sprintf("knock %d", number)
		rules = append(rules, p.rule(does, toKnockChain(number, k), matches...))
		if number < len(k.Sequence) {
			rules = append(rules, p.rule("no answer", f.noAnswer(), f.heardNow(number, k)...))
		}
	}
	f.knockChains(p, k)
	return append(append(rules, f.wrongPort(k)), f.outOfOrder(p, k)...)
}

// heardNow matches a knock that its chain has just heard. The first is heard from everyone.
func (f *filter) heardNow(number int, k profile.Knock) []ruleset.Match {
	matches := []ruleset.Match{knockPort(k.Sequence[number-1])}
	if number > 1 {
		matches = append(matches, f.inSet(heard(number, k)))
	}
	return matches
}

// wrongPort takes a source that has knocked back to the beginning.
func (f *filter) wrongPort(k profile.Knock) ruleset.Rule {
	return f.knockPart(k).rule("a wrong port", f.startAnew(k), f.inSet(heard(1, k)))
}

func (f *filter) startAnew(k profile.Knock) ruleset.Jump {
	return f.shared(heard(0, k), func() []ruleset.Rule {
		var rules []ruleset.Rule
		for number := 1; number < len(k.Sequence); number++ {
			forget := ruleset.RemoveFromSet{Set: f.setName(heard(number, k)), Direction: ruleset.ToSource}
			rules = append(rules, f.knockPart(k).rule("start anew", forget))
		}
		return rules
	})
}

// knockChains adds the chains for the knocks that came in order.
func (f *filter) knockChains(p part, k profile.Knock) {
	last := len(k.Sequence)
	for number := 1; number < last; number++ {
		rules := []ruleset.Rule{p.rule("heard", ruleset.AddToSet{Set: f.setName(heard(number, k)), Direction: ruleset.ToSource})}
		if number > 1 {
			rules = append(rules, p.rule("the earlier ones stay as long", toKnockChain(number-1, k)))
		}
		f.chain(heard(number, k), rules)
	}
	f.chain(heard(last, k), []ruleset.Rule{
		p.rule("open", ruleset.AddToSet{Set: f.setName(knocked(k.Name)), Direction: ruleset.ToSource}),
		p.rule("start anew", f.startAnew(k)),
		p.rule("no answer", f.noAnswer()),
	})
}

// noAnswer ends the way of a knock, as that of any packet to a closed port. Trusted
// sources knock too, and are never counted.
func (f *filter) noAnswer() ruleset.Target {
	switch {
	case !f.countsAll():
		return f.end(unlogged)
	case !f.has("trusted"):
		return f.probe()
	}
	return f.shared("KNOCKED", func() []ruleset.Rule {
		return []ruleset.Rule{
			f.access().rule("trusted sources", f.end(unlogged), f.inSet("trusted")),
			f.scan().rule("probe", f.probe()),
		}
	})
}

// outOfOrder refuses what was sent to the sequence out of order. The first knock
// is always in order.
func (f *filter) outOfOrder(p part, k profile.Knock) []ruleset.Rule {
	var rules []ruleset.Rule
	for _, ports := range sequencePorts(k.Sequence[1:]) {
		rules = append(rules, p.rule("no answer", f.noAnswer(), ports))
	}
	return rules
}

// unloggedKnocks keeps the ports of sequences out of the log.
func (f *filter) unloggedKnocks() []ruleset.Rule {
	if !f.countsAll() || f.disabled() || f.published {
		return nil
	}
	var rules []ruleset.Rule
	for _, k := range f.profile.Knocks {
		for _, ports := range sequencePorts(k.Sequence) {
			rules = append(rules, f.knockPart(k).rule("not logged", f.end(unlogged), ports))
		}
	}
	return rules
}

// bannedKnocks is what a knock meets whose source is banned. Where it shows what
// counts, it renews the ban as any packet to a closed port does, and where not, it
// does not: who tries to come in is not a scanner. A proven source is heard, and what
// else it sends starts anew as it does for others.
func (f *filter) bannedKnocks(p part) []ruleset.Rule {
	if f.disabled() || f.published {
		return nil
	}
	var rules []ruleset.Rule
	for _, k := range f.profile.Knocks {
		for _, ports := range sequencePorts(k.Sequence) {
			if f.proves() {
				proven := append([]ruleset.Match{ports}, f.knownSource(p)...)
				rules = append(rules, f.knockPart(k).rule("proven", ruleset.Return, proven...))
			}
			if !f.countsAll() {
				rules = append(rules, f.knockPart(k).rule("banned", ruleset.Drop, ports))
			}
		}
		if f.proves() {
			rules = append(rules, ofPorts(f.wrongPort(k))...)
		}
	}
	return rules
}

// sequencePorts matches every port of a sequence, in whatever order.
func sequencePorts(sequence []profile.Port) []ruleset.Match {
	var matches []ruleset.Match
	for _, protocol := range []profile.Protocol{profile.TCP, profile.UDP} {
		for _, chunk := range chunks(slices.Compact(portsOf(sequence, protocol))) {
			matches = append(matches, ruleset.Ports{Protocol: ruleset.Protocol(protocol), Destination: chunk})
		}
	}
	return matches
}

// addKnockSets adds the sets that knocks fill. Forged sources can fill those of
// knocks that are not the last; a full one forgets someone else's knock rather
// than refuse the next. The last set only those can fill who know the sequence.
func (l *lowering) addKnockSets() {
	for _, k := range l.profile.Knocks {
		for _, family := range l.openFamilies() {
			for number := 1; number < len(k.Sequence); number++ {
				l.addKnockSet(k, ruleset.Set{Name: setName(heard(number, k), family), Family: family, Timeout: k.Step, ForceAdd: true})
			}
			l.addKnockSet(k, ruleset.Set{Name: setName(knocked(k.Name), family), Family: family, Timeout: k.Open})
		}
	}
}

func (l *lowering) addKnockSet(k profile.Knock, s ruleset.Set) {
	s.Type, s.Dynamic, s.HashSize, s.MaxElements = ruleset.HashIP, true, dynamicBuckets, dynamicEntries
	s.Origin = l.origin("knocks."+k.Name, k.Position)
	l.sets = append(l.sets, s)
}

// heard names the set of sources whose first so many knocks came in order, and the chain of
// the last of these knocks; the chain of 0 is for a source that starts anew. knocked names
// the set of the sources to which the door is open.
func heard(number int, k profile.Knock) string { return fmt.Sprintf("%d-%s", number, k.Name) }

func knocked(name string) string { return "k-" + name }

func toKnockChain(number int, k profile.Knock) ruleset.Jump {
	return ruleset.Jump{Chain: chainName(heard(number, k))}
}

func knockPort(p profile.Port) ruleset.Ports {
	return ruleset.Ports{
		Protocol:    ruleset.Protocol(p.Protocol),
		Destination: []ruleset.PortRange{{First: p.First, Last: p.Last}},
	}
}
