package apply

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/trial"
)

// readSets makes sure that the sets that a trial has made hold what they must,
// before any packet meets them. Those that packets fill hold whatever they do.
func (c Transition) readSets(copied map[string]bool) error {
	for _, s := range c.Plan.Changes {
		want := c.Want.Sets[s.Object]
		if s.Kind != plan.Set || s.Action == plan.Remove || want.Dynamic || want.Type != ruleset.HashNet {
			continue
		}
		name := s.Object
		if copied[name] {
			name = trial.Set(name)
		}
		if err := holds(c.Sets, name, slices.Concat(want.Members.V4(), want.Members.V6())); err != nil {
			return fmt.Errorf("the host differs from the plan: set %s: %w", s.Object, err)
		}
	}
	return nil
}

// holds makes sure that a set holds exactly these prefixes, for good. It compares
// the sums of hashes of the two sides, one of which comes in no order: a million
// entries take a third of the time that it takes to put them in, and no memory.
func holds(sets dataplane.Sets, name string, want []netip.Prefix) error {
	seed := maphash.MakeSeed()
	var there, wanted uint64
	n := 0
	for entry, err := range sets.Members(name) {
		if err != nil {
			return err
		}
		there += maphash.Comparable(seed, entry)
		n++
	}
	for _, prefix := range want {
		wanted += maphash.Comparable(seed, kernelset.Entry{Prefix: prefix})
	}
	switch {
	case n != len(want):
		return fmt.Errorf("it holds %d entries, expected %d", n, len(want))
	case there != wanted:
		return errors.New("its entries are not those that hardenctl added; someone has changed it")
	}
	return nil
}
