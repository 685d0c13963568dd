package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/escape"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// errHistoryNotRoot is the error of a process that may not read generations.
var errHistoryNotRoot = errors.New("only root can read the generations: run history as root")

func newHistory() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List what was applied to this host, when and by whom",
		Long: `List the generations of this host, newest first. Every confirmed apply that changes
something makes a generation in ` + local.Host.Generations.Folder + `. It holds the bundle, the
profile with its includes and lists, and the state of the host before the apply.

The newest generation is the last change. hardenctl plan shows whether the host
still matches. hardenctl rollback NUMBER restores an earlier generation, and
hardenctl rollback 0 restores the state before hardenctl. The first generation is
never removed. hardenctl removes the oldest others when there are more than ` + fmt.Sprint(generation.Most) + `,
or when they take more than ` + fmt.Sprint(generation.MostBytes>>20) + ` MiB.

history needs root. With --json it prints an object: "generations", newest first, and
while an apply is on trial "on_trial", as plan does.`,
		Example: `  hardenctl history
  hardenctl history --json`,
		Args: cobra.NoArgs,
	}
	asJSON := cmd.Flags().Bool("json", false, "print the generations as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		view, err := readHistory()
		switch {
		case err != nil:
			return err
		case *asJSON:
			return terminal.JSON(cmd.OutOrStdout(), view)
		}
		return view.print(cmd.OutOrStdout())
	}
	return cmd
}

// readHistory reads the generations of this host, and what is on trial.
func readHistory() (historyView, error) {
	all, err := local.Host.Generations.List()
	if errors.Is(err, fs.ErrPermission) {
		return historyView{}, errHistoryNotRoot
	}
	slices.Reverse(all)
	view := historyView{Generations: append([]generation.Generation{}, all...)} // [], not null
	// A journal that cannot be read is told by a plan.
	if p, onTrial, _ := local.Host.Pending(); onTrial {
		view.pending = p
		view.OnTrial = &plan.OnTrial{Profile: p.Profile, By: p.By, Until: p.Until, Seconds: int(p.Left.Seconds())}
	}
	return view, err
}

// historyView is the JSON form of a history.
type historyView struct {
	Generations []generation.Generation `json:"generations"` // the newest first
	// OnTrial is what is not a generation before it is confirmed; nil for none.
	OnTrial *plan.OnTrial `json:"on_trial,omitempty"`

	pending host.Pending
}

// print writes the history for a person.
func (v historyView) print(w io.Writer) error {
	if err := printGenerations(w, v.Generations); err != nil || v.OnTrial == nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s; it becomes a generation when you confirm it.\n", v.pending)
	return err
}

func printGenerations(w io.Writer, all []generation.Generation) error {
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

// historyLine is one generation as a line of the table, in local time.
func historyLine(g generation.Generation) string {
	if g.Broken != "" {
		return fmt.Sprintf("%d\tbroken: %s", g.Number, escape.Line(g.Broken))
	}
	by := g.CommandLine()
	if g.IsRollback() {
		by += fmt.Sprintf(" (back to %d)", g.From)
	}
	return fmt.Sprintf("%d\t%s\t%s\t%s\t+%d ~%d -%d\t%s", g.Number, g.When.Local().Format("2006-01-02 15:04:05"),
		escape.Line(g.Who.String()), escape.Line(g.Profile), g.Changes.Add, g.Changes.Change, g.Changes.Remove, by)
}
