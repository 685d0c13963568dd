package lower

import (
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// udpPackets limits the packets that a source sends to UDP services. It is
// before the accept of open flows: behind it, one flow would go round the
// limit for as long as it stays open. Answers to this host's own questions are
// not limited, since the flow is in the other direction.
func (f *filter) udpPackets() []ruleset.Rule {
	limit := f.profile.UDP.PacketsPerSource
	if !limit.Stated() || f.disabled() {
		return nil
	}
	p := f.part("udp.packets_per_source", limit.Position)
	var rules []ruleset.Rule
	for _, s := range onceEach(f.profile.Services) {
		for _, ports := range f.ports(s, profile.UDP) {
			rules = append(rules, p.rule("", f.udpChain(p), ports, ruleset.ConnOriginal{}))
		}
	}
	return rules
}

func (f *filter) udpChain(p part) ruleset.Jump {
	return f.shared("UDP", func() []ruleset.Rule {
		var rules []ruleset.Rule
		if f.has("trusted") {
			rules = append(rules, p.rule("trusted sources", ruleset.Return, f.inSet("trusted")))
		}
		excess := f.known(p, f.profile.UDP.PacketsPerSource.Rate, counts)
		return append(rules, p.rule("", f.drop(overLimit), excess...), f.countIn(p, "callers"))
	})
}

// knownFlow accepts a datagram of a flow that a limit has let in before. A flow
// that is never answered, such as that of a log sender, is new to conntrack for
// as long as it lasts: without this rule each of its datagrams would count.
func (f *filter) knownFlow(p part) ruleset.Rule {
	return p.rule("known flow", f.accept(), ruleset.Proto{Protocol: ruleset.UDP},
		ruleset.ConnState{States: ruleset.StateNew, Confirmed: true})
}

// udpNew limits new flows to UDP services that state no limit themselves. All
// of them share one table, so that a source has one allowance.
func (f *filter) udpNew() []ruleset.Rule {
	limit := f.profile.UDP.NewPerSource
	if !limit.Stated() {
		return nil
	}
	p := f.part("udp.new_per_source", limit.Position)
	rules := f.quota(p, "udp", limit.Quota)
	if limit.Rate.Count > 0 {
		rules = []ruleset.Rule{p.rule("new per source", f.drop(overLimit), f.known(p, limit.Rate, counts)...)}
	}
	for i := range rules {
		rules[i].Matches = append([]ruleset.Match{ruleset.Proto{Protocol: ruleset.UDP}}, rules[i].Matches...)
	}
	return rules
}
