package lower

import (
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// provenRate is what a proven source keeps while it is banned, of all services
// together: a browser that opens 30 connections is served, and a scanner that
// had opened one is not served much.
var provenRate = profile.Rate{Count: 5, Per: time.Second, Burst: 50}

// proves reports whether sources are proven. Where a ban hides no service, there
// is nothing that a proven source could keep, and no packet pays for the proof.
func (l *lowering) proves() bool {
	return l.bans() && l.hides() && l.profile.Scan.Proven > 0 && len(l.profile.Services) > 0
}

// handshake are the flags that tell the parts of a connection from each other.
const handshake = ruleset.FIN | ruleset.SYN | ruleset.RST | ruleset.ACK

// completed notes the source of a TCP connection that was opened and ended
// properly. To open one takes the number that this host chose and sent to the
// source's own address: a forged source cannot do that.
func (f *filter) completed() []ruleset.Rule {
	if !f.proves() {
		return nil
	}
	p := f.scan()
	end := ruleset.TCPFlags{Mask: handshake, Set: ruleset.FIN | ruleset.ACK}
	if f.family == ruleset.V6 {
		return []ruleset.Rule{p.rule("proven", f.chain("PROVEN", f.provenOfNetwork(p)), end, ruleset.ConnAssured{})}
	}
	return []ruleset.Rule{p.rule("proven", f.addTo("proven"), end, ruleset.ConnAssured{})}
}

// An IPv6 site has a /48, 65,536 sources, and an internet provider has a /29 for the
// asking. So that one network does not fill the set of proven sources, each may prove
// so many new ones within the time for which they stay. Phones are sources each, and
// many are in one /48: beyond the number they are treated as unknown sources.
var provenNetworks = []struct {
	set    string
	prefix int
	most   uint32
	room   uint32
}{
	{"proven-29", 29, provenEntries / 8, dynamicEntries},
	{"proven-48", 48, provenEntries / 64, 2 * dynamicEntries},
}

// provenOfNetwork proves a source, anew if it is proven, unless its network has
// proved too many.
func (f *filter) provenOfNetwork(p part) []ruleset.Rule {
	known := f.inSet("proven")
	rules := []ruleset.Rule{
		p.rule("proven", f.addTo("proven"), known),
		p.rule("proven before", ruleset.Return, known),
	}
	for _, n := range provenNetworks {
		rules = append(rules, p.rule("too many of a network", ruleset.Return, f.beyond(n.set, n.most)), f.enter(p, n.set))
	}
	return append(rules, p.rule("proven", f.addTo("proven")))
}

// addProvenNetworks adds the sets in which the new sources of networks are counted.
func (l *lowering) addProvenNetworks(family ruleset.Family) {
	if family != ruleset.V6 {
		return
	}
	for _, n := range provenNetworks {
		l.addSources(family, n.set, ruleset.Set{Timeout: l.profile.Scan.Proven, Netmask: n.prefix, Counters: true, MaxElements: n.room})
	}
}
