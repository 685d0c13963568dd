package apply

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"hardenctl/compiler/ruleset"
	"hardenctl/host/kernelset"
	"hardenctl/host/plan"
	"hardenctl/host/probe"
	"hardenctl/host/trial"
)

// OpenSets hold the far ends of connections that were open before the rules.
var OpenSets = map[ruleset.Family]string{
	ruleset.V4: ruleset.SetPrefix + "open-v4",
	ruleset.V6: ruleset.SetPrefix + "open-v6",
}

// openStep notes the TCP connections that are open before the rules count.
// Conntrack, which begins to look when the first rule that asks it is loaded,
// does not know those made earlier; to the new rules they would be packets of no
// known connection, and the session of the one who applies would be the first to
// die. So a trial notes them when its rules are loaded, and before they are
// armed: what is opened later, conntrack sees. The entries time out, so that
// nothing need be taken back. A host that has more connections than a set has
// room for loses some that it opened itself before it loses one of its
// services'; that is no reason to refuse the apply.
//
// copied names the sets whose copies the new rules ask.
func (c Change) openStep(copied map[string]bool) step {
	return step{name: "open connections", do: func(ctx context.Context) error {
		if !c.Plan.Has(plan.Rule) {
			return nil
		}
		open, err := probe.OpenConnections()
		if err != nil {
			return fmt.Errorf("which connections are open: %w", err)
		}
		for _, family := range ruleset.Families {
			name := OpenSets[family]
			if _, wanted := c.Want.Sets[name]; !wanted {
				continue
			}
			if copied[name] {
				name = trial.Set(name)
			}
			if err := c.note(ctx, name, farEnds(open, family)); err != nil {
				return err
			}
		}
		return nil
	}}
}

// note adds far ends to a set.
func (c Change) note(ctx context.Context, name string, ends []netip.AddrPort) error {
	added, err := kernelset.AddPorts(ctx, name, ends)
	if errors.Is(err, kernelset.ErrFull) {
		c.Progress(fmt.Sprintf("set %s is full, and %d of %d open connections may break", name, len(ends)-added, len(ends)))
		return nil
	}
	return err
}

func farEnds(open []probe.Connection, family ruleset.Family) []netip.AddrPort {
	var ends []netip.AddrPort
	for _, o := range open {
		if family.Has(o.Far.Addr()) {
			ends = append(ends, o.Far)
		}
	}
	return ends
}
