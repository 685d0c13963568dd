package apply

import (
	"context"
	"fmt"
	"net/netip"

	"hardenctl/compiler/ruleset"
	"hardenctl/host/kernelset"
	"hardenctl/host/plan"
	"hardenctl/host/probe"
)

// openSets hold the far ends of connections that were open before the rules.
var openSets = map[ruleset.Family]string{
	ruleset.V4: ruleset.SetPrefix + "open-v4",
	ruleset.V6: ruleset.SetPrefix + "open-v6",
}

// openStep notes the TCP connections that are open before the rules change.
// Conntrack, which begins to look when the first rule asks it, does not know
// them; to the new rules they would be packets of no known connection, and the
// session of the one who applies would be the first to die. The entries time
// out, so that nothing need be taken back.
func (c Change) openStep() step {
	return step{name: "open connections", do: func(ctx context.Context) error {
		if !c.Plan.Has(plan.Rule) {
			return nil
		}
		ends, err := probe.OpenConnections()
		if err != nil {
			return fmt.Errorf("which connections are open: %w", err)
		}
		for _, family := range ruleset.Families {
			if _, wanted := c.Want.Sets[openSets[family]]; !wanted {
				continue
			}
			if err := kernelset.AddPorts(ctx, openSets[family], ofFamily(ends, family)); err != nil {
				return err
			}
		}
		return nil
	}}
}

func ofFamily(ends []netip.AddrPort, family ruleset.Family) []netip.AddrPort {
	var of []netip.AddrPort
	for _, e := range ends {
		if family.Has(e.Addr()) {
			of = append(of, e)
		}
	}
	return of
}
