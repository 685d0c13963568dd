package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [PROFILE]",
		Short: "Validate a profile and report every error",
		Long: `Read a profile, the profiles that it includes and the lists that it names. Report
every error and warning in one run, each with its file and line. check needs no
root, no network and no firewall tools.`,
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
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: OK\n", s.display(s.name))
		return err
	}
	return cmd
}
