package host

import (
	"errors"
	"fmt"
	"maps"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/bootfiles"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/state"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// settle makes of a host on which a trial is pending the host that it is on trial
// to be: what packets meet now, and what a confirm would save. A plan compares
// with that. It changes nothing without a trial, or where it is unknown what is on
// trial.
func (r *Reading) settle() error {
	var pending *PendingError
	if !errors.As(r.host.inTheWay(), &pending) {
		return nil
	}
	r.trial = &pending.Pending
	tried, err := r.host.journal.Bundle()
	if err != nil {
		r.unsettled = err
		return nil
	}
	tables, err := tablesOf(tried)
	if err != nil {
		r.unsettled = err
		return nil
	}
	raw := r.Have
	r.Have.Tables = trial.Settle(raw.Tables, tables, tried.Manifest.Leading)
	r.settleSets(raw, tried.Manifest)
	return r.settleFiles(tried)
}

// tablesOf are the tables of a bundle.
func tablesOf(b *bundle.Bundle) (trial.Tables, error) {
	tables := trial.Tables{}
	for family, name := range map[ruleset.Family]string{ruleset.V4: bundle.RulesV4, ruleset.V6: bundle.RulesV6} {
		save, err := tablefile.Parse(b.File(name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, t := range save.Tables {
			tables[state.TableID{Family: family, Name: t.Name}] = t
		}
	}
	return tables, nil
}

// settleSets gives the copies of sets the names of those whose place they take,
// and leaves out the sets that a confirm removes. Rules of the old chains count as
// references no more.
func (r *Reading) settleSets(raw state.State, tried bundle.Manifest) {
	wanted := map[string]bool{}
	for _, s := range tried.Sets {
		wanted[s.Name] = true
	}
	r.copies = map[string]string{}
	sets := maps.Clone(raw.Sets)
	for name, set := range raw.Sets {
		others := set.References - raw.UsesOfSet(name)
		if original := trial.Original(name); original != "" {
			r.copies[original] = name
			if set.Dynamic = r.Want.Sets[original].Dynamic; set.Dynamic {
				set.Members, set.Odd = raw.Sets[original].Members, 0
			}
			sets[original] = set
		}
		if owned.TrialSet(name) || owned.Set(name) && !wanted[name] && others <= 0 {
			delete(sets, name)
		}
	}
	for name, set := range sets {
		of := name
		if copied := r.copies[name]; copied != "" {
			of = copied
		}
		set.References += r.Have.UsesOfSet(name) - raw.UsesOfSet(of)
		sets[name] = set
	}
	r.Have.Sets = sets
}

// settleFiles makes the files those that a confirm would write.
func (r *Reading) settleFiles(tried *bundle.Bundle) error {
	paths := r.host.system.Files.Paths(r.Bundle, r.Layout)
	maps.Copy(paths, r.host.system.Files.Paths(tried, r.Layout))
	have, err := r.host.system.Files.Read(paths)
	if err != nil {
		return err
	}
	if r.Have.Files, err = bootfiles.Wanted(tried, r.Layout, have); err != nil {
		return err
	}
	r.Have.Modes = r.Want.Modes // a confirm narrows them
	r.Want.Files, err = bootfiles.Wanted(r.Bundle, r.Layout, r.Have.Files)
	return err
}

// pendingTrial is what a plan says of the trial that it compares with; nil for none.
func (r *Reading) pendingTrial() *plan.OnTrial {
	if r.trial == nil {
		return nil
	}
	return &plan.OnTrial{Profile: r.trial.Profile, By: r.trial.By, Until: r.trial.Until, Seconds: int(r.trial.Left.Seconds())}
}
