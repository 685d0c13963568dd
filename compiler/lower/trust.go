package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// What a profile trusts of a zone reaches every port and protocol of this host, as from a
// trusted zone of firewalld: before limits, bans, blocklists and the look for packets that
// conntrack cannot place. So it is accepted before the first rule that counts, and only the
// packets of open TCP connections and of the loopback pass before. Whatever is before INPUT
// lets it by: no SYN of it is hidden from conntrack for SYNPROXY, and none is a probe.
//
// A published port is a port of this host to those who ask for it. What is routed through
// this host is not: trust opens nothing there.
//
// Addresses of a zone are matched with its interfaces. Forged by another interface, they
// are what any packet from there is.

// trustWays are the matches for what is trusted, any of which is enough. direction tells
// whether packets come from there or go there.
func (f *filter) trustWays(direction ruleset.Direction) (ways []trustWay) {
	if f.disabled() {
		return nil
	}
	for _, z := range f.profile.Zones {
		name := trustSet(z)
		listed := len(z.Trust.From) > 0 && f.has(name)
		if !z.Trust.All && !listed {
			continue
		}
		for _, i := range z.Interfaces {
			way := []ruleset.Match{byInterface(i, direction)}
			if listed {
				way = append(way, ruleset.InSet{Set: f.setName(name), Direction: direction})
			}
			ways = append(ways, trustWay{f.trustPart(z), way})
		}
	}
	return ways
}

type trustWay struct {
	part
	matches []ruleset.Match
}

func byInterface(i profile.Interface, direction ruleset.Direction) ruleset.Match {
	if direction == ruleset.ToDestination {
		return ruleset.OutInterface{Name: i.Name}
	}
	return ruleset.Interface{Name: i.Name}
}

func (f *filter) trustPart(z profile.Zone) part {
	return f.part("zones."+z.Name+".trust", z.Trust.Position)
}

// trustSet names the set of the addresses that are trusted in a zone.
func trustSet(z profile.Zone) string { return "t-" + z.Name }

// trust does the same with all that comes from where it is trusted, as far as it matches.
func (f *filter) trust(target ruleset.Target, matches ...ruleset.Match) []ruleset.Rule {
	return trustRules(f.trustWays(ruleset.ToSource), target, matches)
}

// towardsTrust is trust for what this host sends there.
func (f *filter) towardsTrust(target ruleset.Target) []ruleset.Rule {
	return trustRules(f.trustWays(ruleset.ToDestination), target, nil)
}

func trustRules(ways []trustWay, target ruleset.Target, matches []ruleset.Match) (rules []ruleset.Rule) {
	for _, way := range ways {
		rules = append(rules, way.rule("", target, slices.Concat(way.matches, matches)...))
	}
	return rules
}

// published ports are this host's to those who ask for them.
func (f *filter) trustPublished() []ruleset.Rule { return f.trust(ruleset.Return, translated) }

// fallbackTrust is trust by rules that name no set.
func (f *filter) fallbackTrust() (rules []ruleset.Rule) {
	if f.disabled() {
		return nil
	}
	for _, z := range f.profile.Zones {
		for _, i := range z.Interfaces {
			by := ruleset.Interface{Name: i.Name}
			if z.Trust.All {
				rules = append(rules, f.trustPart(z).rule("", ruleset.Accept, by))
			}
			for _, source := range prefixesOf(f.profile.Addresses(z.Trust.From), f.family) {
				rules = append(rules, f.trustPart(z).rule("", ruleset.Accept, by, ruleset.Source{Prefix: source}))
			}
		}
	}
	return rules
}

// addTrustSets adds the sets of the addresses that are trusted in zones.
func (l *lowering) addTrustSets() {
	for _, z := range l.profile.Zones {
		l.claim(trustSet(z))
		l.addMembers(trustSet(z), "zones."+z.Name+".trust", z.Trust.Position, l.profile.Addresses(z.Trust.From))
	}
}

// untrusted are the interfaces of zones whose packets services still decide about.
func (l *lowering) untrusted(zones []profile.Named) []profile.Interface {
	return slices.DeleteFunc(l.profile.Interfaces(zones), func(i profile.Interface) bool { return l.profile.Trusts(i.Name) })
}
