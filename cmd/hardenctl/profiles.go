package main

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"hardenctl/profiles"
)

func newProfiles() *cobra.Command {
	return &cobra.Command{
		Use:   "profiles [NAME]",
		Short: "List the built-in profiles, or print one",
		Long: `List the built-in profiles with what each is for, or print the text of one: its
comments say what each setting does and where that is known from.`,
		Example: `  hardenctl profiles
  hardenctl profiles web`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: profiles.Names(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return printProfile(cmd, strings.TrimPrefix(args[0], "builtin:"))
			}
			for _, name := range profiles.Names() {
				fmt.Fprintf(cmd.OutOrStdout(), "builtin:%-10s %s\n", name, profiles.Description(name))
			}
			return nil
		},
	}
}

func printProfile(cmd *cobra.Command, name string) error {
	text, err := fs.ReadFile(profiles.FS(), name+".toml")
	if err != nil {
		return fmt.Errorf("there is no built-in profile %q; there are %s", name, strings.Join(profiles.Names(), ", "))
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}
