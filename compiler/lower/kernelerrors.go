package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// complaints are the ICMP errors by which the kernel answers a malformed packet
// before any rule of INPUT is asked: a bad option (parameter problem), and a
// fragment whose others never came (time exceeded in reassembly).
var complaints = map[ruleset.Family][]ruleset.ICMPType{
	ruleset.V4: {{Family: ruleset.V4, Type: 12}, {Family: ruleset.V4, Type: 11, Code: 1, HasCode: true}},
	ruleset.V6: {{Family: ruleset.V6, Type: 4}, {Family: ruleset.V6, Type: 3, Code: 1, HasCode: true}},
}

// silence keeps in the answers of the kernel that no chain of ours has decided
// about: one of them is enough to show a scanner that a host is there. Of what the
// host sends, nothing else is dropped.
func (f *filter) silence() []ruleset.Rule {
	rules := slices.Concat(f.complaints(), f.unsent(), f.unreachable())
	if len(rules) == 0 {
		return nil
	}
	protocol := ruleset.Proto{Protocol: ruleset.ICMP}
	if f.family == ruleset.V6 {
		protocol.Protocol = ruleset.ICMPv6
	}
	jump := ruleset.Rule{Matches: []ruleset.Match{protocol}, Target: f.chain("OUTPUT", rules), Origin: rules[0].Origin}
	return append([]ruleset.Rule{jump}, f.resets()...)
}

func (f *filter) complaints() []ruleset.Rule {
	if !f.profile.Scan.Stealth {
		return nil
	}
	var rules []ruleset.Rule
	for _, t := range complaints[f.family] {
		rules = append(rules, f.scan().rule("no answer to a malformed packet", ruleset.Drop, t))
	}
	return rules
}
