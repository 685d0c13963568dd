package lower

import (
	"time"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A search asks all hosts of a network at once, by multicast or broadcast: for
// televisions and routers (SSDP), printers (mDNS, SNMP), names (LLMNR). Those that
// answer do it from their own addresses, which conntrack has never heard of.
//
// So the host's own question opens the port that it came from, for as long as
// conntrack remembers a question to one host (nf_conntrack_udp_timeout), for as
// many answers as a house has devices, and only while a socket is bound there. Only
// ports of clients open: a server that announces itself by multicast from its own
// port, such as avahi's 5353 or an SSDP server's 1900, stays as closed as it is.
// The price: a source that is neither blocked, jailed nor banned and hits the port
// within that time reaches the program that asks. No match knows which sources are
// on the link, and a site's router passes such questions on.
const searchTimeout = 30 * time.Second

var answerRate = ruleset.Rate{Count: 100, Unit: ruleset.PerSecond, Burst: 100}

// Only programs of this host fill the set.
const (
	searchBuckets = 256
	searchEntries = 4096
)

// addSearches adds the set of own addresses and ports from which something was
// searched.
func (l *lowering) addSearches() {
	for _, family := range ruleset.Families {
		f := &filter{lowering: l, family: family}
		if !f.searching() {
			continue
		}
		l.sets = append(l.sets, ruleset.Set{
			Name: f.setName("asked"), Family: family, Type: ruleset.HashIPPort, Dynamic: true,
			Timeout: searchTimeout, HashSize: searchBuckets, MaxElements: searchEntries,
			Origin: l.origin("policy", l.profile.Policy.Position),
		})
	}
}

// searching reports whether answers to searches come in.
func (f *filter) searching() bool { return f.profile.Policy.Search && !f.disabled() }

// searches notes from which port this host searches.
func (f *filter) searches() []ruleset.Rule {
	if !f.searching() {
		return nil
	}
	p := f.policy()
	note := p.rule("search", ruleset.AddToSet{Set: f.setName("asked"), Direction: ruleset.ToSourceAndSPort})
	jump := p.rule("search", f.chain("SEARCH", []ruleset.Rule{note}),
		ruleset.Ports{Protocol: ruleset.UDP, Source: clientPorts}, f.toAll())
	return []ruleset.Rule{jump}
}

// found lets in what answers a search, also from trusted sources.
func (f *filter) found() []ruleset.Rule {
	if !f.searching() || f.published {
		return nil
	}
	asked := ruleset.InSet{Set: f.setName("asked"), Direction: ruleset.ToDestinationAndDPort}
	return []ruleset.Rule{f.policy().rule("answer to a search", ruleset.Accept,
		ruleset.Ports{Protocol: ruleset.UDP, Destination: clientPorts}, asked,
		ruleset.Socket{Wildcard: true}, ruleset.Limit{Rate: answerRate})}
}
