package fake

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/conntrack"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

type connections struct{ m *Machine }

// Note implements dataplane.Connections.
func (c connections) Note(context.Context) (open, known int, err error) {
	err = c.m.do("conntrack", func() error {
		if known = min(c.m.OpenConnections, c.m.ConntrackRoom); known < c.m.OpenConnections {
			return conntrack.ErrFull
		}
		return nil
	})
	return c.m.OpenConnections, known, err
}

type prober struct{ m *Machine }

// Tools implements dataplane.Probe.
func (p prober) Tools() (probe.Tools, error) {
	return probe.Tools{Version: "1.8.9", Backend: probe.NFT, Families: p.m.Families}, nil
}

// Layout implements dataplane.Probe.
func (p prober) Layout() bundle.Layout { return bundle.Debian }

// rulesFiles are a bundle's rules files by family.
var rulesFiles = map[ruleset.Family]string{ruleset.V4: bundle.RulesV4, ruleset.V6: bundle.RulesV6}

// Rehearse implements dataplane.Probe: another machine gets the bundle.
func (p prober) Rehearse(ctx context.Context, t probe.Tools, b *bundle.Bundle) (state.State, error) {
	other := New()
	if err := other.loadSets(b.File(bundle.Sets)); err != nil {
		return state.State{}, fmt.Errorf("rehearsal: sets: %w", err)
	}
	for _, family := range t.Families {
		if err := (rules{other}).Load(ctx, family, b.File(rulesFiles[family]), true); err != nil {
			return state.State{}, fmt.Errorf("rehearsal: %s: %w", rulesFiles[family], err)
		}
	}
	return other.snapshot(t.Families, b), nil
}

// RehearseBoot implements dataplane.Probe.
func (p prober) RehearseBoot(ctx context.Context, t probe.Tools, boot probe.Boot) (state.State, error) {
	other := New()
	if err := other.loadSets(boot.Sets.Text); err != nil {
		return state.State{}, &probe.BootError{Path: boot.Sets.Path, Err: err}
	}
	for name := range boot.Want {
		if other.sets[name] == nil {
			return state.State{}, fmt.Errorf("%s: after a boot there is no set %s", boot.Sets.Path, name)
		}
	}
	for _, family := range t.Families {
		file := boot.Rules[family]
		if err := (rules{other}).Load(ctx, family, file.Text, true); err != nil {
			return state.State{}, &probe.BootError{Path: file.Path, Err: err}
		}
	}
	return state.State{Tables: other.tablesOf(t.Families...)}, nil
}

// Snapshot implements dataplane.Probe.
func (p prober) Snapshot(_ context.Context, t probe.Tools, b *bundle.Bundle) (state.State, []string, error) {
	return p.m.snapshot(t.Families, b), nil, nil
}

// snapshot is all tables and sets. Members are those of our sets, where the bundle
// says that packets do not fill them.
func (m *Machine) snapshot(families []ruleset.Family, b *bundle.Bundle) state.State {
	have := state.State{Tables: m.tablesOf(families...), Sets: map[string]state.Set{}}
	dynamic := map[string]bool{}
	for _, s := range b.Manifest.Sets {
		dynamic[s.Name] = s.Dynamic
	}
	for name, found := range m.sets {
		h := m.header(name)
		s := state.Set{Declared: found.declared, Dynamic: dynamic[name], Entries: int(h.Entries), References: int(h.References), Header: probe.HeaderOf(h)}
		if owned.Set(name) && !s.Dynamic && h.Type == kernelset.HashNet {
			s.Members, s.Odd = found.covered()
		}
		have.Sets[name] = s
	}
	return have
}

// covered is what a set covers for good, and how many members do not do so.
func (s *set) covered() (covered netset.Set, odd int) {
	var prefixes []netip.Prefix
	for e, ends := range s.members {
		if e.noMatch || ends != forever {
			odd++
			continue
		}
		prefixes = append(prefixes, e.prefix)
	}
	return netset.Of(prefixes...), odd
}

// Rivals implements dataplane.Probe: there are none.
func (p prober) Rivals(context.Context, probe.Tools, state.State, []string, []plan.Rival) ([]plan.Rival, []string, error) {
	return nil, nil, nil
}
