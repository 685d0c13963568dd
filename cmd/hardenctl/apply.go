package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hardenctl/compiler/bundle"
	"hardenctl/host"
	"hardenctl/host/apply"
	"hardenctl/host/plan"
)

// applyFlags are the flags of apply.
type applyFlags struct {
	allowed     *[]string
	approved    *bool
	asJSON      *bool
	saved       *string
	lockTimeout *time.Duration
}

func newApply() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply [PROFILE | --plan FILE]",
		Short: "Move this host to what a profile says, all of it or nothing",
		Long: `Plan, ask, and apply: sets, then rules, then kernel settings, then a reading of
everything back, then the files that the host boots from. If any part fails, all
of it goes back to what it was.

A saved plan is refused if the host has changed since it was made.

It exits 0 when the host is what the profile says, 1 if nothing was changed, 3
if the apply failed and everything went back, and 4 if going back failed too.`,
		Example: `  hardenctl apply web.toml
  hardenctl apply web.toml --auto-approve
  hardenctl apply --plan web.plan`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := applyFlags{
		allowed:     allowFlag(cmd),
		approved:    cmd.Flags().Bool("auto-approve", false, "do not ask; needed without a terminal"),
		asJSON:      cmd.Flags().Bool("json", false, "print the plan and the outcome as JSON"),
		saved:       cmd.Flags().String("plan", "", "apply the plan saved in this file"),
		lockTimeout: cmd.Flags().Duration("lock-timeout", 10*time.Second, "how long to wait for another hardenctl to end"),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args) }
	return cmd
}

// run holds the lock from before the reading until after the last change.
func (f applyFlags) run(cmd *cobra.Command, args []string) error {
	if *f.saved != "" && len(args) > 0 {
		return errors.New("name a profile or a saved plan, not both")
	}
	if os.Geteuid() != 0 {
		return host.ErrNotRoot
	}
	b, saved, err := f.load(cmd, args)
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(cmd.Context(), *f.lockTimeout)
	defer cancel()
	release, err := apply.Lock(wait)
	if err != nil {
		return err
	}
	defer release()
	r, err := host.Read(cmd.Context(), b)
	if err != nil {
		return err
	}
	if saved != nil {
		if err := saved.Match(r); err != nil {
			return err
		}
	}
	return f.approveAndApply(cmd, r)
}

// load returns the bundle to apply: compiled, or out of a saved plan.
func (f applyFlags) load(cmd *cobra.Command, args []string) (*bundle.Bundle, *host.SavedPlan, error) {
	if *f.saved != "" {
		saved, err := host.LoadPlan(*f.saved)
		if err != nil {
			return nil, nil, err
		}
		return saved.Bundle(), saved, nil
	}
	s, err := openSource(args, *f.allowed)
	if err != nil {
		return nil, nil, err
	}
	b, err := s.compile(cmd, *f.asJSON)
	return b, nil, err
}

// outcome is the JSON form of an apply.
type outcome struct {
	*plan.Plan
	Applied bool `json:"applied"`
}

func (f applyFlags) approveAndApply(cmd *cobra.Command, r *host.Reading) error {
	if !*f.asJSON {
		if err := showPlan(cmd, r, false); err != nil {
			return err
		}
	}
	if !r.Plan.Empty() {
		if err := f.approve(cmd); err != nil {
			return err
		}
		if err := r.Apply(cmd.Context(), f.progress(cmd)); err != nil {
			return applyError(err)
		}
	}
	if *f.asJSON {
		return writeJSON(cmd.OutOrStdout(), outcome{r.Plan, !r.Plan.Empty()})
	}
	if !r.Plan.Empty() {
		fmt.Fprintln(cmd.OutOrStdout(), "Applied. The host is what the profile says.")
	}
	return nil
}

// approve asks on a terminal; elsewhere somebody must have said yes before.
func (f applyFlags) approve(cmd *cobra.Command) error {
	if *f.approved {
		return nil
	}
	if *f.asJSON || !isTerminal(cmd.InOrStdin()) {
		return errors.New("there is no terminal to ask on; say --auto-approve")
	}
	fmt.Fprint(cmd.OutOrStdout(), "Apply this? Only \"yes\" does it: ")
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}

// progress says each step on a terminal.
func (f applyFlags) progress(cmd *cobra.Command) func(string) {
	w := cmd.ErrOrStderr()
	if *f.asJSON || !isTerminal(w) {
		return func(string) {}
	}
	return func(step string) { fmt.Fprintf(w, "… %s\n", step) }
}

// applyError gives a failed apply its exit code.
func applyError(err error) error {
	var reverted *apply.Reverted
	switch {
	case !errors.As(err, &reverted):
		return exit{exitUncertain, err}
	case reverted.Undo != nil:
		return exit{exitUncertain, err}
	}
	return exit{exitReverted, err}
}
