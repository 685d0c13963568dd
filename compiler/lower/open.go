package lower

import (
	"time"

	"hardenctl/compiler/ruleset"
)

// openBefore accepts what belongs to a connection that was open before the
// first rule, of which conntrack knows nothing. An apply notes those in a set,
// for long enough that a packet of each comes by, and they go on as if nothing
// had happened. That the packet is for a connection of a socket here keeps the
// far end from probing other ports by the same rule.
//
// Each packet renews the note: on a host with tcp_loose off conntrack never
// learns of the connection, and it would end with the note, ten minutes later.
func (f *filter) openBefore(p part, first ...ruleset.Match) ruleset.Rule {
	known := ruleset.InSet{Set: f.setName("open"), Direction: ruleset.ToSourceAndSPort}
	goesOn := f.chain("OPEN", []ruleset.Rule{
		p.rule("open before", ruleset.AddToSet{Set: known.Set, Direction: known.Direction}),
		p.rule("open before", ruleset.Accept),
	})
	return p.rule("open before", goesOn, append(first, known, ruleset.Socket{})...)
}

// openTimeout is for how long a connection that conntrack did not see begin
// may stay silent: two of the keepalives of an idle SSH session that has them.
const openTimeout = 10 * time.Minute

// addOpen adds the set of connections that are open before the rules.
func (l *lowering) addOpen(family ruleset.Family) {
	l.addDynamic(family, "open", ruleset.Set{Type: ruleset.HashIPPort, Timeout: openTimeout})
	l.sets[len(l.sets)-1].Origin = l.origin("policy", l.profile.Policy.Position)
}
