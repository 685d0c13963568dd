package change

import (
	"fmt"
	"maps"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
	"github.com/hardenctl/hardenctl/internal/host"
)

// Ending is how a trial ended.
type Ending struct {
	host.Outcome
	// Word says in JSON whether the host has become what the command is for.
	Word   string
	Wanted host.Status
	// Sentence says it to people.
	Sentence string
	// More is what else JSON says.
	More map[string]any
}

// did reports whether the host has become what the command is for.
func (e Ending) did() bool { return e.Err == nil && e.Status == e.Wanted }

// Report writes the ending, and returns the error that carries the exit code.
func (e Ending) Report(cmd *cobra.Command, asJSON bool) error {
	warn(cmd, e.Outcome)
	failed := Failure(e.Outcome)
	var unwritten error
	switch {
	case asJSON:
		unwritten = terminal.JSON(cmd.OutOrStdout(), e.View())
	case failed == nil:
		_, unwritten = fmt.Fprintln(cmd.OutOrStdout(), e.Sentence)
	}
	if failed == nil && e.did() && unwritten != nil {
		return exitcode.ExitError{Code: exitcode.Unwritten, Err: fmt.Errorf("%s, but the output could not be written: %w", e.Word, unwritten)}
	} else if failed == nil {
		return unwritten
	}
	return failed
}

// View is the ending in JSON.
func (e Ending) View() map[string]any {
	view := map[string]any{}
	maps.Copy(view, e.More)
	view[e.Word] = e.did()
	if e.Generation > 0 {
		view["generation"] = e.Generation
	}
	if text := errorText(e.Outcome); text != "" {
		view["error"] = text
	}
	return view
}
