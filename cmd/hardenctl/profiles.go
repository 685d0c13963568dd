package main

import (
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/profiles"
)

func newProfiles() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profiles [NAME]",
		Short: "List the built-in profiles, or print one",
		Long: `List the built-in profiles, or print the text of one. The comments in it explain
each setting and name the source.

To change a built-in profile, include it in your own profile:

  include = ["builtin:web"]
  [services.ssh]
  from = ["192.0.2.0/24"]             replace an inherited value or list
  ports.add = ["tcp/2222"]            add to an inherited list (or .remove)
  remove = ["new_per_source"]         remove keys of an inherited table
  [services.http3]
  enabled = false                     disable an inherited table`,
		Example: `  hardenctl profiles
  hardenctl profiles web
  hardenctl profiles --json`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: profiles.Names(),
	}
	asJSON := cmd.Flags().Bool("json", false, "print the list as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return printProfile(cmd, strings.TrimPrefix(args[0], "builtin:"))
		}
		return listProfiles(cmd.OutOrStdout(), *asJSON)
	}
	return cmd
}

// builtin is the JSON form of a line of the list.
type builtin struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

func listProfiles(w io.Writer, asJSON bool) error {
	var list []builtin
	for _, name := range profiles.Names() {
		list = append(list, builtin{"builtin:" + name, profiles.Description(name)})
	}
	if asJSON {
		return writeJSON(w, list)
	}
	for _, b := range list {
		if _, err := fmt.Fprintf(w, "%-21s %s\n", b.Name, b.Description); err != nil {
			return err
		}
	}
	return nil
}

func printProfile(cmd *cobra.Command, name string) error {
	text, err := fs.ReadFile(profiles.FS(), name+".toml")
	if err != nil {
		return fmt.Errorf("no built-in profile %q; the built-in profiles are %s", name, strings.Join(profiles.Names(), ", "))
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}
