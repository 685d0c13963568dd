package change

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// failures are the exit codes of a command that has failed, by what has become of
// the host; what is not here is exitcode.Error, or exitcode.Busy. A command that has
// not failed ends with exitcode.OK. exitcode.Table says what they mean.
var failures = map[host.Status]int{
	host.Reverted:   exitcode.Reverted,
	host.Incomplete: exitcode.Incomplete,
}

// CodeOf returns the exit code of a command that has ended with an error, or none.
func CodeOf(err error) int {
	var e exitcode.ExitError
	switch {
	case err == nil:
		return exitcode.OK
	case errors.As(err, &e):
		return e.Code
	case host.Busy(err):
		return exitcode.Busy
	}
	return exitcode.Error
}

// Failure is the error of an outcome that carries its exit code; nil for a success.
func Failure(o host.Outcome) error {
	if code, special := failures[o.Status]; special && o.Err != nil {
		return exitcode.ExitError{Code: code, Err: o.Err}
	}
	return o.Err
}

// warn writes the warning of an outcome, if it has one.
func warn(cmd *cobra.Command, o host.Outcome) {
	if o.Warning != nil {
		terminal.Complain(cmd.ErrOrStderr(), fmt.Errorf("warning: %w", o.Warning))
	}
}

// errorText is what JSON says of an outcome beside the rest; empty for nothing.
func errorText(o host.Outcome) string {
	switch {
	case o.Err != nil:
		return o.Err.Error()
	case o.Warning != nil:
		return o.Warning.Error()
	}
	return ""
}

// applied is what an apply was to do, and what has become of it.
type applied struct {
	host.Outcome
	plan   *plan.Plan    // nil if there came to be none
	within time.Duration // how long the trial lasts
}

// unapplied is an apply that has ended before it began.
func unapplied(p *plan.Plan, err error) applied {
	return applied{Outcome: host.OutcomeOf(host.Unchanged, err), plan: p}
}

// appliedView is the JSON form of an apply: the plan, if there came to be one, and
// what became of it.
type appliedView struct {
	*plan.Plan
	// Applied says that the host was changed to what the profile says, if only
	// on trial. It is false for an empty plan.
	Applied bool `json:"applied"`
	// Trial is there if the change must be confirmed.
	Trial *trialView `json:"trial,omitempty"`
	// Reverted says that the apply failed and that everything was undone.
	Reverted bool `json:"reverted"`
	// Generation is the number under which the apply is kept.
	Generation int `json:"generation,omitempty"`
	// Step is the part of the apply that failed.
	Step  string `json:"step,omitempty"`
	Error string `json:"error,omitempty"`
}

func (a applied) view() appliedView {
	return appliedView{
		Plan: a.plan, Applied: a.Done(), Trial: a.trial(), Reverted: a.Status == host.Reverted,
		Generation: a.Generation, Step: a.Step, Error: errorText(a.Outcome),
	}
}

// trial is the trial that has begun; nil for none.
func (a applied) trial() *trialView {
	if a.Trial == nil || !a.Done() {
		return nil
	}
	return &trialView{a.Trial.Token, a.Trial.Until.Truncate(time.Second), int(a.within / time.Second)}
}

// report writes what has become of an apply and returns the error that carries its
// exit code.
func (f Flags) report(cmd *cobra.Command, a applied) error {
	warn(cmd, a.Outcome)
	failed := Failure(a.Outcome)
	if unwritten := f.write(cmd, a); unwritten != nil && a.Done() {
		return exitcode.ExitError{Code: exitcode.Unwritten, Err: fmt.Errorf("applied: the host is %s%s, but the output could not be written: %w", a.plan.Goal(), a.trial().until(), unwritten)}
	} else if failed == nil {
		return unwritten
	}
	return failed
}

func (f Flags) write(cmd *cobra.Command, a applied) error {
	switch w := cmd.OutOrStdout(); {
	case *f.AsJSON:
		return terminal.JSON(w, a.view())
	case a.trial() != nil:
		return a.trial().print(w, a.plan.Goal())
	case a.Done():
		return writeApplied(w, a)
	}
	return nil
}

func writeApplied(w io.Writer, a applied) error {
	_, err := fmt.Fprintf(w, "Applied. The host is %s.\n", a.plan.Goal())
	if err == nil && a.Generation > 0 {
		_, err = fmt.Fprintln(w, Numbered(a.Generation))
	}
	return err
}

// Numbered says which generation an apply has made, and what a rollback does.
func Numbered(number int) string {
	before := "the generation before it"
	if number == 1 {
		before = "the state before hardenctl"
	}
	return fmt.Sprintf("This is generation %d. `hardenctl rollback` restores %s.%s", number, before, afterwards(number))
}
