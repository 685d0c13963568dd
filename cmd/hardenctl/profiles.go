package main

import (
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/terminal"
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
  hardenctl profiles --json
  hardenctl profiles web --json  # its TOML is .text`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: profiles.Names(),
	}
	asJSON := cmd.Flags().Bool("json", false, "print the list, or the profile, as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return printProfile(cmd.OutOrStdout(), strings.TrimPrefix(args[0], "builtin:"), *asJSON)
		}
		return listProfiles(cmd.OutOrStdout(), *asJSON)
	}
	return cmd
}

// builtin is the JSON form of a built-in profile.
type builtin struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	// Text is the profile's TOML; the list has none.
	Text string `json:"text,omitempty"`
}

func listProfiles(w io.Writer, asJSON bool) error {
	var list []builtin
	for _, name := range profiles.Names() {
		list = append(list, builtin{Name: "builtin:" + name, Description: profiles.Description(name)})
	}
	if asJSON {
		return terminal.JSON(w, list)
	}
	for _, b := range list {
		if _, err := fmt.Fprintf(w, "%-21s %s\n", b.Name, b.Description); err != nil {
			return err
		}
	}
	return nil
}

func printProfile(w io.Writer, name string, asJSON bool) error {
	text, err := fs.ReadFile(profiles.FS(), name+".toml")
	if err != nil {
		return fmt.Errorf("no built-in profile %q; the built-in profiles are %s", name, strings.Join(profiles.Names(), ", "))
	}
	if asJSON {
		return terminal.JSON(w, builtin{"builtin:" + name, profiles.Description(name), string(text)})
	}
	_, err = w.Write(text)
	return err
}
