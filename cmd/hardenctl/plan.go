package main

import (
	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/filekind"
	"github.com/hardenctl/hardenctl/internal/cli/change"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/outfile"
	"github.com/hardenctl/hardenctl/internal/cli/source"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host"
)

// planFlags are the flags of plan.
type planFlags struct {
	asJSON, detailed *bool
	full             *bool
	out              *string
	allowed          *[]string
	notAdmins        *option.Addresses
}

const planLong = `Show what apply would change. plan compiles the profile, loads it in a throwaway
network namespace with this host's own tools, and compares the result with this
host. It begins with what changes for packets: which ones are newly accepted, no
longer accepted, or answered differently, each with an example and the rules that
decide it before and after, rules of other programs included; and which programs
lose clients by it. Then it says how much changes. With --full it lists every
change with the profile line behind it.

What hardenctl does not own is unmanaged: apply leaves it unchanged. plan also tests
with real packets who can still log in: everyone who is logged in now, and the
profile's admin addresses. It shows who would be locked out. --not-an-admin ADDRESS
excludes a connected address (see apply --help).

If an apply is on trial, plan compares with the state on trial, and shows when the
trial ends. If another firewall is active, such as ufw, plan shows how to disable
it. apply stops until then.

plan needs root to read the firewall. It changes nothing.`

func newPlan() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [PROFILE]",
		Short: "Show what apply would change; change nothing",
		Long:  planLong,
		Example: `  hardenctl plan web.toml
  hardenctl plan web.toml --json --detailed-exitcode
  hardenctl plan web.toml -o web.plan`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := planFlags{
		asJSON:   cmd.Flags().Bool("json", false, "print the plan as JSON"),
		detailed: cmd.Flags().Bool("detailed-exitcode", false, "exit 2 if there are changes, or another firewall is active"),
		out:      cmd.Flags().StringP("output", "o", "", "save the plan to this file, for apply --plan"),
		allowed:  option.Allow(cmd),

		full:      option.Full(cmd),
		notAdmins: option.NotAdmin(cmd),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := option.RefuseEmpty(cmd, "output"); err != nil {
			return err
		}
		if err := outfile.KeepsOthers("output", *flags.out, filekind.SavedPlan); err != nil {
			return err
		}
		if *flags.out != "" {
			if err := outfile.Writable("output", *flags.out); err != nil {
				return err
			}
		}
		return flags.run(cmd, args)
	}
	return cmd
}

func (f planFlags) run(cmd *cobra.Command, args []string) error {
	s, err := source.Open(args, *f.allowed)
	if err != nil {
		return err
	}
	s.Live = true
	b, err := s.Compile(cmd, *f.asJSON)
	if err != nil {
		return err
	}
	r, err := local.Host.Read(cmd.Context(), b)
	if err != nil {
		return err
	}
	// What it finds is in the plan; only an apply refuses.
	_ = r.Guard(cmd.Context(), f.notAdmins.All)
	change.NoteRollback(r.Plan)
	change.NoteUnconfirmed(r, b, s.Read)
	if err := f.show(cmd, r); err != nil {
		return err
	}
	if *f.out != "" {
		if err := r.Save(*f.out, s.Read); err != nil {
			return err
		}
	}
	if *f.detailed && (!r.Plan.Empty() || r.Plan.Rival() != nil) {
		return exitcode.ExitError{Code: exitcode.Changes}
	}
	return nil
}

// show writes a plan, for a person or as JSON.
func (f planFlags) show(cmd *cobra.Command, r *host.Reading) error {
	w := cmd.OutOrStdout()
	if *f.asJSON {
		return terminal.JSON(w, r.Plan)
	}
	return change.PrintPlan(w, r, terminal.Colourful(w), *f.full)
}
