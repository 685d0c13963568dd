package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/outfile"
	"github.com/hardenctl/hardenctl/internal/cli/source"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host/bundledir"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

func newCompile() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compile [PROFILE] (-o DIR | --check DIR)",
		Short: "Compile a profile to firewall files, or compare the files with a folder",
		Long: `Compile a profile to a bundle: files for iptables-restore, ipset and sysctl that
work without hardenctl, and a manifest. The manifest lists where each file belongs
and which profile line made each rule. Equal profiles give equal bytes.

With --check, compile writes nothing. It compares the bundle with the one in DIR
and prints what changes for packets from DIR to the profile, then a unified diff of
the files. Use this in CI to compare a reviewed
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
	// Meaning is which packets the two decide differently; missing if they are equal, or
	// if the folder has no rules that can be compared.
	Meaning *answer.DiffView `json:"meaning,omitempty"`
}

func compareBundle(w io.Writer, b *bundle.Bundle, folder string, asJSON bool) error {
	diff, err := diffFolder(b, folder)
	if err != nil {
		return err
	}
	c := comparison{Equal: diff == "", Diff: diff}
	said := ""
	if !c.Equal {
		c.Meaning, said = meaningOf(b, folder)
	}
	if asJSON {
		err = terminal.JSON(w, c)
	} else {
		_, err = io.WriteString(w, said+diff)
	}
	if err != nil || c.Equal {
		return err
	}
	return exitcode.ExitError{Code: exitcode.Error, Err: fmt.Errorf("the bundle in %s differs from the profile's bundle", folder)}
}

// meaningOf says what changes for packets from the rules of a folder to those of a bundle,
// as data and as text that patch(1) skips. A folder whose rules were edited is compared as
// it is; of one that lacks some, the diff says all.
func meaningOf(b *bundle.Bundle, folder string) (*answer.DiffView, string) {
	texts := map[string][]byte{}
	for _, name := range []string{bundle.RulesV4, bundle.RulesV6, bundle.Sets} {
		text, err := safepath.ReadAny(filepath.Join(folder, name))
		if err != nil && (name != bundle.Sets || !errors.Is(err, fs.ErrNotExist)) { // not each bundle has sets
			return nil, ""
		}
		texts[name] = text
	}
	manifest, _ := safepath.ReadAny(filepath.Join(folder, bundle.ManifestName))
	known, _ := bundle.ParseManifest(manifest) // without it, rules have no origins
	v, err := compareTexts(texts, known, folder, b)
	if err != nil {
		return nil, fmt.Sprintf("The meaning of the difference is not worked out: %v.\n\n", err)
	}
	return v, strings.Join(v.Brief(), "\n") + "\n\n"
}

func compareTexts(texts map[string][]byte, known bundle.Manifest, folder string, b *bundle.Bundle) (*answer.DiffView, error) {
	firewalls := map[ruleset.Family]*exact.Firewall{}
	for family, name := range map[ruleset.Family]string{ruleset.V4: bundle.RulesV4, ruleset.V6: bundle.RulesV6} {
		f, err := exact.Read(family, texts[name], texts[bundle.Sets])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(folder, name), err)
		}
		firewalls[family] = f
	}
	after, err := answer.Of(b.Manifest.Profile, b, nil)
	if err != nil {
		return nil, err
	}
	return answer.Diff(answer.New(folder, firewalls, known, nil), after)
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
