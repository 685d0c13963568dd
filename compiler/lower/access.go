package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// trusted sends admin and exempt sources down a way of their own, on which
// nothing is counted, limited, banned or blocked. They gain no access by it:
// the services decide, and what they may not reach is dropped there.
//
// A packet in the middle of a connection is welcome here although conntrack
// has never seen its beginning: on the first apply, that is the connection of
// the admin who applies.
func (f *filter) trusted() []ruleset.Rule {
	if !f.has("trusted") || f.disabled() {
		return nil
	}
	access := f.access()
	rules := slices.Concat(f.trustedCookies(), f.servicesForTrusted(), f.found(), f.trustedKnocks())
	chain := f.chain("TRUSTED", append(rules, access.rule("not for them", f.end(notForThem))))
	return []ruleset.Rule{access.rule("trusted sources", f.decideIn(chain), f.inSet("trusted"))}
}

// blocked drops every packet of a listed source that belongs to no open
// connection, before any service is looked at.
func (f *filter) blocked() []ruleset.Rule {
	if !f.has("block") {
		return nil
	}
	return []ruleset.Rule{f.part("access.block", f.profile.Access.Position).rule("", f.drop(fromBlocked), f.inSet("block"))}
}

func (f *filter) access() part { return f.part("access", f.profile.Access.Position) }
