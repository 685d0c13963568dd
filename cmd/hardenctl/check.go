package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [PROFILE]",
		Short: "Say whether a profile is right, and if not, everything that is wrong",
		Long: `Read a profile with all that it includes and all lists that it names, and
report everything that is wrong or doubtful in one run, each with its place. It
needs no root, no network and no firewall tools.

It exits 0 if the profile can be compiled, warnings or not, and else 1.`,
		Example: `  hardenctl check web.toml
  hardenctl check web.toml --json
  hardenctl check builtin:web`,
		Args: cobra.MaximumNArgs(1),
	}
	asJSON := cmd.Flags().Bool("json", false, "print the diagnostics as JSON")
	allowed := allowFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := openSource(args, *allowed)
		if err != nil {
			return err
		}
		if _, err := s.compile(cmd, *asJSON); err != nil || *asJSON {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is right.\n", s.display(s.name))
		return err
	}
	return cmd
}
