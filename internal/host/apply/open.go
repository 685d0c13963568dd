package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/hardenctl/hardenctl/internal/host/conntrack"
	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// openStep tells conntrack of the TCP connections that are open before the rules
// count. Conntrack, which begins to look when the first rule that asks it is
// loaded, does not know those made earlier; to the new rules they would be packets
// of no known connection, and the connection of the one who applies would be the
// first to die. So a trial tells of them when its rules are loaded, and before they
// are armed: what is opened later, conntrack sees. It is not a rule that lets them
// in: the far end of a connection reaches that one, and nothing else by it.
//
// What conntrack knows times out as all of its connections do, so that nothing
// need be undone. Where its table is full, connections that this host has
// opened itself are lost before those of its services; that is not a reason to refuse
// the apply.
func (c Transition) openStep() step {
	return step{name: "open connections", do: func(ctx context.Context) error {
		if !c.Plan.Has(plan.Rule) {
			return nil
		}
		open, known, err := c.Connections.Note(ctx)
		if errors.Is(err, conntrack.ErrFull) {
			c.Progress(fmt.Sprintf("conntrack's table is full, and %d of %d open connections may break", open-known, open))
			return nil
		}
		return err
	}}
}
