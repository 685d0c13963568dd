package host

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// JournalLostError is the error of a trial that is undone without its journal, which was
// broken: rules and sets are what they were before, since the kernel knows which
// are the trial's, but which settings it had changed is unknown.
type JournalLostError struct{ Cause error }

// Error says what there is now, and what to do.
func (e *JournalLostError) Error() string {
	return fmt.Sprintf("%v: the rules and sets of the trial are undone and no apply is in progress any more, but its kernel settings and new sets stay: check with `hardenctl plan`, then apply the profile that you want", e.Cause)
}

// Unwrap returns what was wrong with the journal.
func (e *JournalLostError) Unwrap() error { return e.Cause }

// revertBroken ends what is under way whose journal is broken.
func (h *Handle) revertBroken(ctx context.Context) error {
	if err := h.revertBlind(ctx); err != nil {
		return err
	}
	return &JournalLostError{journal.ErrBroken}
}

// revertBlind ends a trial of which nothing is known but what the kernel and the
// files tell.
func (h *Handle) revertBlind(ctx context.Context) error {
	tools, err := h.system.Probe.Tools()
	if err != nil {
		return err
	}
	boot, err := journal.Boot()
	if err != nil {
		return err
	}
	files := slices.Sorted(maps.Values(bundle.Paths(h.system.Probe.Layout())))
	return h.site().Revert(ctx, journal.Entry{Boot: boot, Families: tools.Families, Files: files})
}
