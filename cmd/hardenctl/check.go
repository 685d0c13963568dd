package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/source"
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
	allowed := option.Allow(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := source.Open(args, *allowed)
		if err != nil {
			return err
		}
		s.Prove = true
		if _, err := s.Compile(cmd, *asJSON); err != nil || *asJSON {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: OK\n", s.Display(s.Name))
		return err
	}
	return cmd
}
