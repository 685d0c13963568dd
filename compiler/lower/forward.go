package lower

import "github.com/hardenctl/hardenctl/compiler/ruleset"

// forward closes FORWARD for a host that routes nothing. A profile that leaves
// FORWARD alone never gets here: Docker, libvirt and routers live there.
func (f *filter) forward() []ruleset.Rule {
	return []ruleset.Rule{
		f.policy().rule("open connections", ruleset.Accept, open),
		f.policy().rule("forward", ruleset.Drop),
	}
}
