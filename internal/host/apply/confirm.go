package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
)

// confirmTime is how long the trial set holds on at least from the moment of the
// confirm, in case that it dies before the journal says that it was one. A
// confirm takes some seconds where a million addresses change.
const confirmTime = time.Minute

// UnconfirmedError is the error of a confirm that found before its first change that
// it cannot be done. The trial goes on to its deadline.
type UnconfirmedError struct {
	Step  string
	Cause error
}

// Error says what blocks the confirm.
func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("%s: %v; nothing was changed, and the trial continues until its deadline", e.Step, e.Cause)
}

// Unwrap returns the cause.
func (e *UnconfirmedError) Unwrap() error { return e.Cause }

// Confirm makes what is on trial the only state there is, and saves it. The
// change is from the host as it is on trial to the wanted one.
//
// It returns the number of the generation that was staged for it, 0 for none. An
// *UnconfirmedError comes before the first change. A *RevertedError says that the trial has
// been ended, and whether the host is as it was before it; an *UntidyError that the
// new state is live and saved.
func (c Transition) Confirm(ctx context.Context, e journal.Entry) (number int, err error) {
	files := &fileWork{change: c}
	before := []step{files.prepareStep(), c.extendStep(e)}
	var reverted *RevertedError
	if err := c.run(ctx, before); errors.As(err, &reverted) {
		return 0, &UnconfirmedError{reverted.Step, reverted.Cause}
	}
	err = c.run(context.WithoutCancel(ctx), append([]step{c.commitStep(&e)}, c.newSteps(files)...))
	if errors.As(err, &reverted) {
		if reverted.Undo == nil {
			reverted.Undo = c.giveUp(ctx, e)
		}
		return 0, err
	}
	return c.keep(e, leftBy(err))
}

// leftBy is what could not be cleared up by steps that succeeded; nil if nothing
// was left.
func leftBy(err error) error {
	var untidy *UntidyError
	if errors.As(err, &untidy) {
		return untidy.Err
	}
	return nil
}

// keep makes what is staged a generation, after an apply that succeeded, and
// removes the journal. left is what could not be cleared up until then. The error
// is an *UntidyError, about that and more: the journal then says to the next command
// that changes the host that there is something left.
func (site Site) keep(e journal.Entry, left error) (number int, err error) {
	number, unkept := site.Generations.Commit()
	failed := errors.Join(left, exceptUnstaged(unkept))
	if failed == nil {
		failed = site.Journal.Remove()
	}
	if failed == nil {
		return number, nil
	}
	e.Phase = journal.Applied
	return number, &UntidyError{errors.Join(failed, site.Journal.Write(e))}
}

// exceptUnstaged is an error of a commit, unless that found nothing to commit:
// the apply has staged nothing, or died after the commit. That pruning has
// missed a file is another error.
func exceptUnstaged(err error) error {
	if errors.Is(err, generation.ErrUnstaged) {
		return nil
	}
	return err
}

// Finish completes an apply that was confirmed, whatever was there when
// its process died. The change is from the host as it is.
func (c Transition) Finish(ctx context.Context, e journal.Entry) error {
	files := &fileWork{change: c}
	err := c.run(ctx, append([]step{files.prepareStep()}, c.newSteps(files)...))
	if errors.As(err, new(*RevertedError)) {
		return err
	}
	// Files that were in place when the process died are not a change any more, and
	// what was beside them is still there.
	_, err = c.keep(e, errors.Join(leftBy(err), c.Files.Sweep(e.Files)))
	return err
}

// newSteps make the wanted state the only one.
func (c Transition) newSteps(files *fileWork) []step {
	steps := []step{c.setStep(), c.openStep()}
	for _, family := range c.Tools.Families {
		steps = append(steps, c.tablesStep(family, c.policies, c.placed, fixed(c.Have.Tables)))
	}
	return append(steps, c.settingsStep(c.changed()), c.verifyStep(), files.putStep())
}

// extendStep sees to it that the trial does not end in the middle of its
// confirm.
func (site Site) extendStep(e journal.Entry) step {
	return step{name: "prolonging the trial", do: func(context.Context) error {
		if e.Left() <= 0 {
			return errors.New("its time is over")
		}
		if still, err := site.Armed(); err != nil || !still {
			return cmp.Or(err, errors.New("the kernel has already restored the old rules"))
		}
		return site.arm(max(confirmTime, e.Left()))
	}}
}

// commitStep is the moment from which on the new state is the one to go to. The
// kernel does not return to the old one any more.
func (site Site) commitStep(e *journal.Entry) step {
	return step{name: "confirmed", do: func(context.Context) error {
		e.Phase = journal.Confirmed
		if err := site.Journal.Write(*e); err != nil {
			return err
		}
		return site.arm(kernelset.Forever)
	}}
}

// giveUp ends a trial whose confirm has failed and was undone. That the journal
// can be told so matters only if this dies too: else it is removed.
func (c Transition) giveUp(ctx context.Context, e journal.Entry) error {
	e.Phase = journal.Loading
	untold := c.Journal.Write(e)
	if err := c.Revert(ctx, e); err != nil {
		return errors.Join(err, untold)
	}
	return nil
}
