package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/change"
	"github.com/hardenctl/hardenctl/internal/cli/environ"
	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/host"
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
		Short: "Make the pending change permanent (run it from a new SSH session)",
		Long: `Make the change that is on trial permanent. confirm removes the old rules, in one
transaction for each table, and writes the files that the host boots from.

Run confirm in a new SSH session: if you can log in, the new rules let you in.
confirm refuses the login that ran apply, also under sudo. It recognises that
login by its SSH connection or its sshd process. It also refuses a login that is
older than the apply. On a console, or with sudo in tmux, it cannot compare the
logins, and refuses too. If you are sure that you can log in, add --same-session.

TOKEN names the apply to confirm. Without it, confirm takes the pending one. After
the deadline nothing is left to confirm: the old state is back. If someone has
changed what the trial made, confirm reports that and changes nothing.

With --json, confirm prints one object: "confirmed", "profile", "by" (who applied
it) and "generation" (the number of the new one). If the next boot does not load
the new state, "until_boot" says what to do. After a failure it has "error".`,
		Example: `  hardenctl confirm
  hardenctl confirm k3x7abqz
  hardenctl confirm --same-session`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := confirmFlags{
		sameSession: cmd.Flags().Bool("same-session", false, "allow the login that ran apply, or an older one"),
		asJSON:      cmd.Flags().Bool("json", false, "print the outcome as JSON"),
		lockTimeout: option.LockTimeout(cmd),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args) }
	return cmd
}

func (f confirmFlags) run(cmd *cobra.Command, args []string) error {
	environ.Steady()
	c := host.Confirmation{SameSession: *f.sameSession}
	if len(args) > 0 {
		c.Token = args[0]
		if c.Token == "" { // a script whose variable is not set means another trial, or none
			return errors.New("the token is empty; to confirm the pending trial without a token, leave it out")
		}
	}
	o := f.confirm(cmd, c)
	return change.Ending{Outcome: o, Word: "confirmed", Wanted: host.Confirmed, Sentence: confirmed(o), More: about(o.Kept)}.Report(cmd, *f.asJSON)
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
func confirmed(o host.Outcome) string {
	host, lasts := "as the profile says", "also after a reboot"
	if live, ok := local.Host.Generations.LastRollback(); ok && o.Generation > 0 && live.Number == o.Generation && live.From == 0 {
		host = "as it was before hardenctl"
	}
	if len(o.Kept.Unloaded) > 0 {
		lasts = "until the next reboot: " + strings.Join(o.Kept.Unloaded, ";\n")
	}
	text := fmt.Sprintf("Confirmed. The host is %s, %s.\nThis was %s.", host, lasts, o.Kept.Apply)
	if o.Generation > 0 {
		text += "\n" + change.Numbered(o.Generation)
	}
	return text
}

func (f confirmFlags) confirm(cmd *cobra.Command, c host.Confirmation) host.Outcome {
	held, err := local.Host.Open(cmd.Context(), local.Waiting(cmd, *f.lockTimeout, *f.asJSON))
	if err != nil {
		return host.OutcomeOf(host.Unchanged, err)
	}
	defer held.Close()
	return held.Confirm(cmd.Context(), c)
}
