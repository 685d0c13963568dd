package host

import (
	"context"
	"errors"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Moment is the rules and sets of a host as they are, of any owner.
type Moment struct {
	Have state.State
	// Families are those that the kernel has.
	Families []ruleset.Family
	// Members are the sets as ipset save prints them, those too that packets fill.
	Members []byte
	// Applied is the bundle of the newest generation; nil if nothing was ever applied.
	Applied *bundle.Bundle
	// Notes say what decides about packets beside Have, and what could not be read of it.
	Notes []string
}

// Now reads the rules and sets of the host. It needs root. An active firewall beside
// iptables is a note, and so is a table that cannot be read.
func (h Host) Now(ctx context.Context) (*Moment, error) {
	if err := h.system.Permitted(); err != nil {
		return nil, err
	}
	tools, err := h.system.Probe.Tools()
	if err != nil {
		return nil, err
	}
	m := &Moment{Families: tools.Families}
	var notes []string
	unread := new(plan.RivalsError)
	m.Have, notes, err = h.system.Probe.Snapshot(ctx, tools, &bundle.Bundle{})
	if err != nil && !errors.As(err, &unread) {
		return nil, err
	}
	rivals, others, err := h.system.Probe.Rivals(ctx, tools, m.Have, notes, unread.Rivals)
	if err != nil {
		return nil, err
	}
	for _, r := range rivals {
		m.Notes = append(m.Notes, r.Seen)
	}
	m.Notes = append(append(m.Notes, notes...), others...)
	if len(m.Have.Sets) > 0 {
		if m.Members, err = h.system.Sets.Save(ctx); err != nil {
			return nil, err
		}
	}
	// Without the newest generation the rules are the same; only where they come from is
	// not said.
	m.Applied, _, _ = h.Generations.Newest()
	return m, nil
}
