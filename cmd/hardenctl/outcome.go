package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// outcome is the JSON form of an apply: the plan, if there came to be one, and
// what became of it.
type outcome struct {
	*plan.Plan
	// Applied says that the host was changed to what the profile says, if only
	// on trial. It is false for an empty plan.
	Applied bool `json:"applied"`
	// Trial is there if the change must be confirmed.
	Trial *trialView `json:"trial,omitempty"`
	// Reverted says that the apply failed and that everything went back.
	Reverted bool `json:"reverted"`
	// Generation is the number under which the apply is kept.
	Generation int `json:"generation,omitempty"`
	// Step is the part of the apply that failed.
	Step  string `json:"step,omitempty"`
	Error string `json:"error,omitempty"`
}

// report writes the outcome of an apply and returns the error that carries its
// exit code.
func (f applyFlags) report(cmd *cobra.Command, o outcome, err error) error {
	var reverted *apply.Reverted
	if errors.As(err, &reverted) {
		o.Step, o.Reverted = reverted.Step, reverted.Undo == nil
	}
	if err != nil {
		o.Error = err.Error()
	}
	failed := applyError(o, err)
	if o.Applied && err != nil {
		complain(cmd.ErrOrStderr(), fmt.Errorf("warning: %w", err))
	}
	if unwritten := f.write(cmd, o); unwritten != nil && o.Applied {
		return exit{exitUnwritten, fmt.Errorf("applied: the host is %s%s, but the output could not be written: %w", o.Plan.Goal(), o.Trial.until(), unwritten)}
	} else if failed == nil {
		return unwritten
	}
	return failed
}

func (f applyFlags) write(cmd *cobra.Command, o outcome) error {
	if *f.asJSON {
		return writeJSON(cmd.OutOrStdout(), o)
	}
	if o.Trial != nil {
		return o.Trial.print(cmd.OutOrStdout(), o.Plan.Goal())
	}
	if o.Applied {
		return writeApplied(cmd.OutOrStdout(), o)
	}
	return nil
}

func writeApplied(w io.Writer, o outcome) error {
	_, err := fmt.Fprintf(w, "Applied. The host is %s.\n", o.Plan.Goal())
	if err == nil && o.Generation > 0 {
		_, err = fmt.Fprintln(w, numbered(o.Generation))
	}
	return err
}

// numbered says which generation an apply has made, and what a rollback does.
func numbered(number int) string {
	before := "the generation before it"
	if number == 1 {
		before = "the state before hardenctl"
	}
	return fmt.Sprintf("This is generation %d. `hardenctl rollback` restores %s.%s", number, before, afterwards(number))
}

// applyError gives a failed apply its exit code. An error that came after the
// last change is a warning.
func applyError(o outcome, err error) error {
	var reverted *apply.Reverted
	switch {
	case o.Applied || err == nil:
		return nil
	case halfDone(err):
		return exit{exitUncertain, err}
	case !errors.As(err, &reverted):
		return err
	case reverted.Undo != nil:
		return exit{exitUncertain, err}
	}
	return exit{exitReverted, err}
}

// halfDone reports whether an apply of before stands half done: one that was
// confirmed, or one whose journal nobody can read. Where only a lock was held, the
// code says to try again.
func halfDone(err error) bool {
	half := errors.As(err, new(*host.Unfinished)) || errors.As(err, new(*host.GivenUp)) || errors.As(err, new(*host.Blind))
	return half && !errors.Is(err, tool.ErrLocked)
}
