package apply

import (
	"context"
	"errors"
	"slices"

	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// fileWork replaces the files of the plan in two steps: they are written beside
// the old ones before anything else is touched, so that a full disk refuses
// the apply while nothing has changed; and put in place as the last thing, so
// that a reboot at any moment before boots the old state.
type fileWork struct {
	change   Transition
	prepared []dataplane.Replacement
}

func (w *fileWork) prepareStep() step {
	return step{name: "preparing files", do: w.prepare, undo: w.discard}
}

// stageStep prepares files that another process may put or discard. On the way
// back it also looks whether somebody has saved the trial into the files that the
// host boots from: such a file would not load once the trial's sets have gone.
func (w *fileWork) stageStep(paths []string) step {
	undo := func(context.Context) error {
		mended, err := w.change.Files.EndTrial()
		for _, path := range mended {
			w.change.Progress(path + " was saved by someone during the trial; the trial's rules were removed from it")
		}
		return errors.Join(w.change.Files.Sweep(paths), err)
	}
	return step{name: "preparing files", do: w.prepare, undo: undo}
}

func (w *fileWork) putStep() step {
	return step{name: "files", do: w.put, undo: w.back, finish: w.discard}
}

func (w *fileWork) prepare(context.Context) error {
	for _, path := range w.change.objects(plan.File) {
		r, err := w.change.Files.Prepare(path, w.change.Have.Files[path], w.change.Want.Files[path])
		if err != nil {
			return err
		}
		w.prepared = append(w.prepared, r)
	}
	return nil
}

func (w *fileWork) put(context.Context) error {
	for _, r := range w.prepared {
		if err := r.Put(); err != nil {
			return err
		}
	}
	return nil
}

func (w *fileWork) back(context.Context) error {
	var failed error
	for _, r := range slices.Backward(w.prepared) {
		failed = errors.Join(failed, r.Back())
	}
	return failed
}

func (w *fileWork) discard(context.Context) error {
	var failed error
	for _, r := range w.prepared {
		failed = errors.Join(failed, r.Discard())
	}
	return failed
}
