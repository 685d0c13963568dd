package apply

import (
	"errors"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// ClearUp removes what an apply has left that succeeded, and that could not be
// removed then: files beside those of the bundle, sets that it has not, and a
// generation without a number. What still cannot be is left to the next command;
// it does no harm.
func (site Site) ClearUp(e journal.Entry) {
	if errors.Join(site.Files.Sweep(e.Files), site.dropStrays()) == nil {
		_, _ = site.keep(e, nil) // what fails is left to the next command
	}
}

// dropStrays removes sets of ours that the bundle of the apply has not. One that
// a foreign rule names stays, and the next plan tells of it.
func (site Site) dropStrays() error {
	b, err := site.Journal.Bundle()
	if err != nil {
		return nil // removed already, with all that was left before
	}
	wanted := map[string]bool{}
	for _, s := range b.Manifest.Sets {
		wanted[s.Name] = true
	}
	all, failed := site.Sets.List()
	for _, h := range all {
		if !owned.Set(h.Name) || wanted[h.Name] {
			continue
		}
		if err := site.Sets.Destroy(h.Name); !errors.Is(err, kernelset.ErrBusy) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// Sweep removes what an apply has left that was killed before it had an entry in
// the journal, or when it had none any more. Where it cannot, the next apply does
// so before it begins. There is no entry.
func (site Site) Sweep() { _ = errors.Join(site.Generations.Discard(), site.Journal.Remove()) }
