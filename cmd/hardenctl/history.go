package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host/generation"
)

// errHistoryNotRoot is the error of a process that may not read generations.
var errHistoryNotRoot = errors.New("only root can read the generations: run history as root")

func newHistory() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List what was applied to this host, when and by whom",
		Long: `List the generations of this host, newest first. Every confirmed apply that changes
something makes a generation in ` + thisHost.Generations.Folder + `. It holds the bundle, the
profile with its includes and lists, and the state of the host before the apply.

The newest generation is the last change. hardenctl plan shows whether the host
still matches. hardenctl rollback NUMBER restores an earlier generation, and
hardenctl rollback 0 restores the state before hardenctl. The first generation is
never removed. hardenctl removes the oldest others when there are more than ` + fmt.Sprint(generation.Most) + `,
or when they take more than ` + fmt.Sprint(generation.MostBytes>>20) + ` MiB.

history needs root. With --json it prints an array, newest first.`,
		Example: `  hardenctl history
  hardenctl history --json`,
		Args: cobra.NoArgs,
	}
	asJSON := cmd.Flags().Bool("json", false, "print the generations as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		all, err := thisHost.Generations.List()
		if errors.Is(err, fs.ErrPermission) {
			return errHistoryNotRoot
		}
		if err != nil {
			return err
		}
		slices.Reverse(all)
		if err := showHistory(cmd.OutOrStdout(), all, *asJSON); err != nil || *asJSON {
			return err
		}
		return showPending(cmd.OutOrStdout())
	}
	return cmd
}

func showHistory(w io.Writer, all []generation.Generation, asJSON bool) error {
	if asJSON {
		return writeJSON(w, append([]generation.Generation{}, all...)) // [], not null
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "No generations yet. The first confirmed apply that changes something makes generation 1.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tWHEN\tWHO\tPROFILE\tCHANGES\tCOMMAND")
	for _, g := range all {
		fmt.Fprintln(table, historyLine(g))
	}
	return table.Flush()
}

// showPending says what is on trial, which is no generation before it is confirmed.
func showPending(w io.Writer) error {
	p, onTrial, _ := thisHost.Pending() // a journal that cannot be read is told by a plan
	if !onTrial {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s; it becomes a generation when you confirm it.\n", p)
	return err
}

// historyLine is one generation as a line of the table, in local time.
func historyLine(g generation.Generation) string {
	if g.Broken != "" {
		return fmt.Sprintf("%d\tbroken: %s", g.Number, g.Broken)
	}
	by := g.CommandLine()
	if g.IsRollback() {
		by += fmt.Sprintf(" (back to %d)", g.From)
	}
	return fmt.Sprintf("%d\t%s\t%s\t%s\t+%d ~%d -%d\t%s", g.Number, g.When.Local().Format("2006-01-02 15:04:05"),
		g.Who, g.Profile, g.Changes.Add, g.Changes.Change, g.Changes.Remove, by)
}
