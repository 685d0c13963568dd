package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/generation"
)

// confirmFlags are the flags of confirm.
type confirmFlags struct {
	sameSession *bool
	asJSON      *bool
	lockTimeout *time.Duration
}

func newConfirm() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "confirm [TOKEN]",
		Short: "Keep what is on trial; say it from a new login",
		Long: `Make the state that an apply has put on trial the only one, and save it: one
transaction for each table, then the files that the host boots from.

That you can type this in a new login is the proof that the new rules let you in.
So it is refused from the login that applied, known by its SSH connection or by
the sshd that serves it, also under sudo; and from a login that is older than the
apply, known by the start of its sshd. Where the two cannot be compared, as on
a console or with sudo in tmux, they may be the same: say --same-session if you
are sure that you can log in.

The token says which apply you mean; without it, it is the one that is pending.
After the deadline there is nothing to confirm: the old state is back. If
somebody has changed in the meantime what the trial made, confirm says so and
changes nothing.

It exits 0 when the new state is live and saved; 1 if nothing was changed; 3 if
it failed and everything went back to what it was before the apply; 4 if going
back failed too, or if an apply before is half done; 5 if it was confirmed but
the output could not be written; and 6 if nothing was changed since another
program held a lock for too long: try again, the trial goes on.

With --json the outcome is an object with "confirmed", the "profile" that was on
trial, "by" (who applied it), the "generation" that was made, where the next boot
does not load it "until_boot" with what to do, and where something failed "error".`,
		Example: `  hardenctl confirm
  hardenctl confirm k3x7abqz
  hardenctl confirm --same-session`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := confirmFlags{
		sameSession: cmd.Flags().Bool("same-session", false, "confirm from the login that applied, or from one that is older"),
		asJSON:      cmd.Flags().Bool("json", false, "print the outcome as JSON"),
		lockTimeout: lockFlag(cmd),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args) }
	return cmd
}

func (f confirmFlags) run(cmd *cobra.Command, args []string) error {
	steady()
	c := host.Confirmation{SameSession: *f.sameSession}
	if len(args) > 0 {
		c.Token = args[0]
		if c.Token == "" { // a script whose variable is not set means another trial, or none
			return errors.New("the token is empty: leave it out to confirm the trial that is pending, whichever it is")
		}
	}
	kept, err := f.confirm(cmd, c)
	done := err == nil || errors.As(err, new(*apply.Untidy))
	return ending{"confirmed", done, kept.Generation, confirmed(kept), about(kept)}.report(cmd, *f.asJSON, err)
}

// about says in JSON what was confirmed, whose it was, and what is missing for it to
// last.
func about(k host.Kept) map[string]any {
	view := map[string]any{}
	if k.Profile != "" {
		view["profile"] = k.Profile
	}
	if k.By != "" {
		view["by"] = k.By
	}
	if k.Unloaded != nil {
		view["until_boot"] = k.Unloaded
	}
	return view
}

// confirmed says to people what was confirmed, whose it was, and how long it
// lasts.
func confirmed(k host.Kept) string {
	host, lasts := "what the profile says", "also after the next boot"
	if live, ok := generation.Host.LastRollback(); ok && k.Generation > 0 && live.Number == k.Generation && live.From == 0 {
		host = "what it was before hardenctl"
	}
	if len(k.Unloaded) > 0 {
		lasts = "until the next boot: " + strings.Join(k.Unloaded, ";\n")
	}
	text := fmt.Sprintf("Confirmed. The host is %s, %s.\nThis was %s.", host, lasts, k.Apply)
	if k.Generation > 0 {
		text += "\n" + numbered(k.Generation)
	}
	return text
}

func (f confirmFlags) confirm(cmd *cobra.Command, c host.Confirmation) (k host.Kept, err error) {
	if os.Geteuid() != 0 {
		return k, host.ErrNotRoot
	}
	say := progress(cmd, *f.asJSON)
	release, err := lockAloud(cmd, *f.lockTimeout, say)
	if err != nil {
		return k, err
	}
	defer release()
	if err := host.Recover(cmd.Context(), say); err != nil {
		return k, err
	}
	return host.Confirm(cmd.Context(), c, say)
}

// ending is how a trial ended.
type ending struct {
	// word says in JSON whether it did in the way that the command is for.
	word string
	did  bool
	// generation is the number of the one that was made; 0 for none.
	generation int
	// sentence says it to people.
	sentence string
	// more is what else JSON says.
	more map[string]any
}

// report writes the ending, and returns the error that carries the exit code. An
// *apply.Untidy is a warning.
func (e ending) report(cmd *cobra.Command, asJSON bool, err error) error {
	succeeded := err == nil || errors.As(err, new(*apply.Untidy))
	if succeeded && err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "hardenctl: warning: %v\n", err)
	}
	failed := applyError(outcome{Applied: succeeded}, err)
	var unwritten error
	switch {
	case asJSON:
		unwritten = writeJSON(cmd.OutOrStdout(), e.view(err))
	case succeeded:
		_, unwritten = fmt.Fprintln(cmd.OutOrStdout(), e.sentence)
	}
	if failed == nil && e.did && unwritten != nil {
		return exit{exitUnwritten, fmt.Errorf("%s, but the output could not be written: %w", e.word, unwritten)}
	}
	return failed
}

// view is the ending in JSON.
func (e ending) view(err error) map[string]any {
	view := map[string]any{}
	maps.Copy(view, e.more)
	view[e.word] = e.did
	if e.generation > 0 {
		view["generation"] = e.generation
	}
	if err != nil {
		view["error"] = err.Error()
	}
	return view
}
