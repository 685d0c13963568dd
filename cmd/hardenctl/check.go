package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/findings"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/source"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [PROFILE]",
		Short: "Validate a profile, and prove that its rules are what it states",
		Long: `Read a profile, the profiles that it includes and the lists that it names. Report
every error and warning in one run, each with its file and line. check needs no
root, no network and no firewall tools.

check compiles the profile too, and proves what its rules do with every packet, in
every state of bans, limits and lists: admins reach their services, each service
answers those for whom it is, blocked sources get nothing, exempt sources are never
limited or counted, and nothing else is let in. What is not so is an error, with an
example packet and the rule that decides it.

--format sarif is for code scanners, --format junit for CI servers, --format json for
other programs. With --strict, warnings are errors.

A part of the profile, or an address in a list, may state expires, its last day. check
warns of it from a month before; from the day after, --strict exits 1.`,
		Example: `  hardenctl check web.toml
  hardenctl check web.toml --json
  hardenctl check web.toml --strict --format sarif
  hardenctl check web.toml --strict --today 2027-01-31
  hardenctl check builtin:web`,
		Args: cobra.MaximumNArgs(1),
	}
	asJSON := cmd.Flags().Bool("json", false, "print the diagnostics as JSON; the same as --format json")
	strict := cmd.Flags().Bool("strict", false, "exit 1 if there is a warning")
	format := option.Choice(cmd, "format", "text", "form of the diagnostics", "text", "json", "sarif", "junit")
	cmd.MarkFlagsMutuallyExclusive("json", "format")
	today := cmd.Flags().String("today", "", "the day, such as 2027-01-31, by which parts of the profile have expired; without it: today")
	allowed := option.Allow(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := source.Open(args, *allowed)
		if err != nil {
			return err
		}
		if *asJSON {
			*format = "json"
		}
		if s.Now, err = dayOf(*today); err != nil {
			return err
		}
		list := s.Check()
		failed := slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Fails(*strict) })
		if *format == "text" {
			s.Print(cmd, list)
			if !failed {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: OK\n", s.Display(s.Name))
			}
		} else {
			err = writeFindings(cmd.OutOrStdout(), *format, s, list, *strict)
		}
		if err == nil && failed {
			return exitcode.ExitError{Code: exitcode.Error}
		}
		return err
	}
	return cmd
}

// dayOf reads a day; empty for now.
func dayOf(text string) (time.Time, error) {
	if text == "" {
		return time.Now(), nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, fmt.Errorf("--today %q is not a day such as 2027-01-31", text)
	}
	return day, nil
}

// writeFindings writes diagnostics for programs.
func writeFindings(w io.Writer, format string, s *source.Source, list diag.List, strict bool) error {
	if format == "json" {
		return s.JSON(w, list)
	}
	shown, text := s.Shown(list)
	r := findings.Report{Profile: s.Display(s.Name), Version: built(), List: shown, Strict: strict, Text: text}
	if format == "sarif" {
		return r.SARIF(w)
	}
	return r.JUnit(w)
}
