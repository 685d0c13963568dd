package lower

import (
	"slices"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// An ACK with a cookie may come from a source that was given none. An attacker can
// guess: of 2^32 numbers some eight are right at a time, for SYNPROXY takes the
// cookies of four minutes. A right guess with a forged source opens a connection
// on which no client answers. A source that was given a cookie may have been banned since,
// or taken off a list. So the sources of the service are asked for here again. Where it
// is not for everyone, guesses are counted in the set "guess".
//
// A right cookie takes its source out of the set again, so that a legitimate one never
// has more guesses there than segments on their way. Forged ones with its address shut it
// out of the service while they come. That takes 167 a second; and 167 a second find
// one cookie in 36 days. What is for everyone has no count: a guess gains there what
// any source gets by its own address.
const (
	mostGuesses = 10_000
	guessesStay = time.Minute
)

// cookies takes the ACKs that conntrack calls invalid: with tcp_loose off that is
// every segment in the middle of a connection of which it saw no beginning. It may
// bring a cookie back. For trusted sources nothing is banned or counted.
func (f *filter) cookies(name string, ways func(profile.Service) [][]ruleset.Match, to func(profile.Service) ruleset.Target) []ruleset.Rule {
	if !f.proxies() || f.disabled() || f.published {
		return nil
	}
	var rules []ruleset.Rule
	for _, s := range f.proxied() {
		for _, way := range ways(s) {
			rules = append(rules, f.tcpRules(s, "synproxy", to(s), way...)...)
		}
	}
	if len(rules) == 0 {
		return nil
	}
	invalid := ruleset.ConnState{States: ruleset.StateInvalid}
	ack := ruleset.TCPFlags{Mask: handshake, Set: ruleset.ACK}
	return []ruleset.Rule{f.proxyPart().rule("synproxy", f.chain(name, rules), ack, invalid)}
}

// trustedWays are the ways of trusted sources to a service.
func (f *filter) trustedWays(s profile.Service) [][]ruleset.Match {
	ways := f.ways(s)
	if s.Admin && !s.Public() && f.has("admin") {
		ways = append(f.inZones(s, [][]ruleset.Match{{f.inSet("admin")}}), ways...)
	}
	return ways
}

func (f *filter) trustedCookies() []ruleset.Rule {
	return f.cookies("TRUSTED-COOKIES", f.trustedWays, func(profile.Service) ruleset.Target { return f.synProxy() })
}

func (f *filter) unlistedCookies() []ruleset.Rule {
	return f.cookies("COOKIES", f.ways, func(s profile.Service) ruleset.Target {
		switch {
		case !s.Public():
			return f.shared("GUESS", func() []ruleset.Rule { return f.cookieFor(f.countGuesses()...) })
		case f.bans() && f.hides():
			return f.shared("COOKIE", func() []ruleset.Rule { return f.cookieFor() })
		}
		return f.synProxy()
	})
}

// cookieFor has SYNPROXY look at the cookie of who is not banned. A proven source
// keeps public services, and had to ask for a cookie within its rate.
func (f *filter) cookieFor(rules ...ruleset.Rule) []ruleset.Rule {
	if f.bans() && f.hides() {
		is := []ruleset.Match{f.inSet("ban")}
		if f.proves() {
			unproven := f.inSet("proven")
			unproven.Not = true
			is = append(is, unproven)
		}
		rules = append([]ruleset.Rule{f.scan().rule("banned", ruleset.Drop, is...)}, rules...)
	}
	return append(rules, f.proxyPart().rule("synproxy", f.synProxy(), ruleset.Proto{Protocol: ruleset.TCP}))
}

func (f *filter) countGuesses() []ruleset.Rule {
	p := f.proxyPart()
	return []ruleset.Rule{p.rule("too many cookies", f.drop(overLimit), f.beyond("guess", mostGuesses)), f.countIn(p, "guess")}
}

// forgetGuesses takes the source of a right cookie out of those who guess.
func (f *filter) forgetGuesses() []ruleset.Rule {
	if !slices.ContainsFunc(f.proxied(), guessed) {
		return nil
	}
	forget := ruleset.RemoveFromSet{Set: f.setName("guess"), Direction: ruleset.ToSource}
	return []ruleset.Rule{f.proxyPart().rule("right cookie", forget)}
}

// guessed reports whether guesses at a service behind the proxy are counted.
func guessed(s profile.Service) bool { return asks(s) && !s.Public() }

// addGuessSets adds the sets in which guesses are counted.
func (l *lowering) addGuessSets() {
	if !slices.ContainsFunc(l.profile.Services, guessed) {
		return
	}
	for _, family := range l.openFamilies() {
		l.sets = append(l.sets, ruleset.Set{
			Name: setName("guess", family), Family: family, Type: ruleset.HashIP, Netmask: banMask(family),
			Dynamic: true, Timeout: guessesStay, Counters: true, ForceAdd: true,
			HashSize: dynamicBuckets, MaxElements: dynamicEntries, Origin: l.proxyOrigin(),
		})
	}
}
