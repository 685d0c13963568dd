package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/outfile"
	"github.com/hardenctl/hardenctl/internal/cli/source"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host/bundledir"
)

func newCompile() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compile [PROFILE] (-o DIR | --check DIR)",
		Short: "Compile a profile to firewall files, or compare the files with a folder",
		Long: `Compile a profile to a bundle: files for iptables-restore, ipset and sysctl that
work without hardenctl, and a manifest. The manifest lists where each file belongs
and which profile line made each rule. Equal profiles give equal bytes.

With --check, compile writes nothing. It compares the bundle with the one in DIR
and prints the differences as a unified diff. Use this in CI to compare a reviewed
bundle with its profile.`,
		Example: `  hardenctl compile web.toml -o bundle
  hardenctl compile web.toml --check bundle
  hardenctl compile builtin:web -o bundle --json`,
		Args: cobra.MaximumNArgs(1),
	}
	out := cmd.Flags().StringP("output", "o", "", "folder to write the bundle to")
	check := cmd.Flags().String("check", "", "folder to compare the bundle with")
	asJSON := cmd.Flags().Bool("json", false, "print the manifest, the comparison or the diagnostics as JSON")
	allowed := option.Allow(cmd)
	cmd.MarkFlagsOneRequired("output", "check")
	cmd.MarkFlagsMutuallyExclusive("output", "check")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *out == "" && *check == "" {
			return errors.New("the folder's name is empty")
		}
		s, err := source.Open(args, *allowed)
		if err != nil {
			return err
		}
		b, err := s.Compile(cmd, *asJSON)
		if err != nil {
			return err
		}
		if cmd.Flags().Changed("check") {
			return compareBundle(cmd.OutOrStdout(), b, *check, *asJSON)
		}
		return writeBundle(cmd.OutOrStdout(), b, *out, *asJSON)
	}
	return cmd
}

func writeBundle(w io.Writer, b *bundle.Bundle, folder string, asJSON bool) error {
	if stat, err := os.Stat(folder); err == nil && !stat.IsDir() {
		return fmt.Errorf("%s is %s, not a folder; name a folder for the bundle", folder, outfile.Kind(folder))
	}
	if err := bundledir.Write(folder, b); err != nil {
		return err
	}
	if err := printBundle(w, b, folder, asJSON); err != nil {
		return exitcode.ExitError{Code: exitcode.Unwritten, Err: fmt.Errorf("%s is written, but the output could not be: %w", folder, err)}
	}
	return nil
}

// printBundle says what was written.
func printBundle(w io.Writer, b *bundle.Bundle, folder string, asJSON bool) error {
	if asJSON {
		_, err := w.Write(b.ManifestText())
		return err
	}
	entries := 0
	for _, s := range b.Manifest.Sets {
		entries += s.Entries
	}
	_, err := fmt.Fprintf(w, "%s: %d files, %d rules, %d sets with %d entries\n",
		folder, len(b.Files)+1, len(b.Manifest.Rules), len(b.Manifest.Sets), entries)
	return err
}

// comparison is the JSON form of compile --check.
type comparison struct {
	Equal bool   `json:"equal"`
	Diff  string `json:"diff"` // unified, from the folder to the profile's bundle
}

func compareBundle(w io.Writer, b *bundle.Bundle, folder string, asJSON bool) error {
	diff, err := diffFolder(b, folder)
	if err != nil {
		return err
	}
	if asJSON {
		err = terminal.JSON(w, comparison{diff == "", diff})
	} else {
		_, err = io.WriteString(w, diff)
	}
	if err != nil || diff == "" {
		return err
	}
	return exitcode.ExitError{Code: exitcode.Error, Err: fmt.Errorf("the bundle in %s differs from the profile's bundle", folder)}
}

func diffFolder(b *bundle.Bundle, folder string) (string, error) {
	stat, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no folder %s to compare with; write one with compile -o %[1]s", folder)
	}
	if err != nil {
		return "", err
	}
	if !stat.IsDir() {
		return "", fmt.Errorf("%s is %s, not the folder of a bundle; name the folder that compile -o wrote", folder, outfile.Kind(folder))
	}
	return bundle.Diff(b, os.DirFS(folder))
}
