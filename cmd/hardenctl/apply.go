package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// applyFlags are the flags of the commands that change the host.
type applyFlags struct {
	approved    *bool
	asJSON      *bool
	noGuard     *bool
	notAdmins   *addresses
	within      *time.Duration
	lockTimeout *time.Duration
	// afterRollback is the number of a rollback after which a person wants to
	// apply; nil for rollback itself.
	afterRollback *int
	// load returns what the host is moved to. What it warns of is said once, and
	// not again.
	load func(cmd *cobra.Command, args []string, again bool) (target, error)
}

// newApplyFlags adds the flags that apply and rollback have in common.
func newApplyFlags(cmd *cobra.Command) applyFlags {
	return applyFlags{
		approved:    cmd.Flags().Bool("auto-approve", false, "do not ask; needed without a terminal"),
		asJSON:      cmd.Flags().Bool("json", false, "print the plan and the outcome as JSON"),
		noGuard:     cmd.Flags().Bool("no-guard", false, "apply without proof that you can still log in"),
		notAdmins:   notAdminFlag(cmd),
		within:      withinFlag(cmd),
		lockTimeout: turnFlag(cmd, 10*time.Second),
	}
}

const applyLong = `Plan, ask, and apply: sets, then rules, then kernel settings, then a reading of
everything back, then the files that the host boots from. If any part fails, all
of it goes back to what it was.

Before it changes anything, it proves with real packets, in a throwaway network,
that you and everybody else who is logged in, and the profile's admin addresses,
can still log in, and that what is open stays open. If not, or if it knows of no
login and no admin address, it refuses; --no-guard applies all the same. Use
--no-guard at a console, too, where there is no address to lock out.

Of sshd and dropbear it knows who has logged in. Of another server of an admin
service, such as a panel, it does not: there everybody who is connected counts,
also a stranger. The refusal says so. --not-an-admin ADDRESS leaves out that
address, or a network, and keeps the guard for the rest.

With --confirm-within the new state is live on trial, and nothing is saved. Log
in anew, and type there what apply tells you: hardenctl confirm TOKEN. Without
that the kernel itself goes back to the old rules when the time is over, whatever
has become of hardenctl, your shell or your connection; what the kernel does not
take back, a watchdog does, or else the next hardenctl command. 60s is the
default over SSH, on a terminal that may be far away, and without a terminal; on
a console it is 0, which confirms at once. On a terminal apply then counts down;
Ctrl-C leaves the trial to its end.

A saved plan is refused if the host has changed since it was made, and so is an
answer if the host or the profile has changed while you read. Nothing is locked
while you do. While another apply is at work or on trial, it waits for the end of
that, for as long as --lock-timeout says.

After a rollback the profile on disk is most likely the one that you rolled back
from. So apply refuses it until a person answers yes on a terminal, or gives
--after-rollback with the number of the rollback. --auto-approve alone is not
enough. It is not enough either for a profile whose trial was not confirmed:
apply that one on trial again.

It exits 0 when the host is what the profile says, on trial or for good, also if
something could not be cleared up afterwards, of which it warns; 1 if nothing was
changed; 3 if the apply failed, or was not confirmed, and everything was undone;
4 if undoing failed too, or if an apply is half done, this one or one before;
5 if the host is what the profile says but the output could not be written; and 6
if nothing was changed since another program held a lock, or an apply was on
trial, for too long: try again.

With --json the outcome is an object: the fields of a plan, "applied" and
"reverted", the "generation" that was made, where something failed "step" and
"error", and where a trial has begun "trial" with its "token", its "deadline"
(RFC 3339) and "seconds".`

func newApply() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply [PROFILE | --plan FILE]",
		Short: "Move this host to what a profile says, all of it or nothing",
		Long:  applyLong,
		Example: `  hardenctl apply web.toml
  hardenctl apply web.toml --auto-approve
  hardenctl apply web.toml --auto-approve --confirm-within 2m
  hardenctl apply web.toml --not-an-admin 203.0.113.66  # a stranger, connected to a panel
  hardenctl apply web.toml --auto-approve --json  # for a program, which confirms .trial.token from a new login
  hardenctl apply --plan web.plan`,
		Args: cobra.MaximumNArgs(1),
	}
	saved := cmd.Flags().String("plan", "", "apply the plan saved in this file")
	allowed := allowFlag(cmd)
	flags := newApplyFlags(cmd)
	flags.afterRollback = afterRollbackFlag(cmd)
	flags.load = func(cmd *cobra.Command, args []string, again bool) (target, error) {
		if *saved != "" {
			return loadSaved(*saved)
		}
		return loadProfile(cmd, args, *allowed, *flags.asJSON, again)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := refuseEmpty(cmd, "plan"); err != nil {
			return err
		}
		if *saved != "" && len(args) > 0 {
			return errors.New("name a profile or a saved plan, not both")
		}
		return flags.run(cmd, args)
	}
	return cmd
}

func (f applyFlags) run(cmd *cobra.Command, args []string) error {
	steady()
	if os.Geteuid() != 0 {
		return f.report(cmd, outcome{}, host.ErrNotRoot)
	}
	o, err := f.readAndApply(cmd, args)
	var reported exit
	if errors.As(err, &reported) && reported.err == nil {
		return err // the diagnostics have said all
	}
	if err := f.report(cmd, o, err); err != nil || o.Trial == nil || *f.asJSON || !isTerminal(cmd.OutOrStdout()) {
		return err
	}
	return f.countDown(cmd, o.Trial)
}

// loadSaved takes a saved plan, which is root's orders like a profile.
func loadSaved(path string) (target, error) {
	err := safepath.Trusted(path)
	if errors.Is(err, fs.ErrNotExist) {
		return target{}, fmt.Errorf("%s: there is no such file; write a plan there with: hardenctl plan -o %[1]s", path)
	}
	if err != nil {
		return target{}, fmt.Errorf("users other than root could change this plan: %w; save it again in a folder where only root may write, such as /root", err)
	}
	saved, err := host.LoadPlan(path)
	if err != nil {
		return target{}, err
	}
	return target{bundle: saved.Bundle(), saved: saved, sources: saved.Sources}, nil
}

// loadProfile compiles a profile.
func loadProfile(cmd *cobra.Command, args, allowed []string, asJSON, again bool) (target, error) {
	s, err := openSource(args, allowed)
	if err != nil {
		return target{}, err
	}
	s.live, s.quiet = true, again
	b, err := s.compile(cmd, asJSON)
	return target{bundle: b, sources: s.read}, err
}

// guard returns why a reading must not be applied: somebody would be locked out.
func (f applyFlags) guard(cmd *cobra.Command, r *host.Reading) error {
	if *f.noGuard {
		return nil
	}
	if err := r.Guard(cmd.Context(), f.notAdmins.all); err != nil {
		return fmt.Errorf("%w. Nothing was changed. %s", err, f.unguarded())
	}
	return nil
}

// unguarded says what to do where an apply might lock somebody out. A rollback
// reads no profile, so that to mend one would not help.
func (f applyFlags) unguarded() string {
	if f.afterRollback == nil {
		return "A rollback does not read the profile on disk: choose another generation, or add --no-guard, which goes back without this check, as at a console"
	}
	return "Mend the profile before the next apply, also one of cron; --no-guard applies it without this check"
}

// readAnswer returns a line, or nothing if a signal comes before it. The reader
// is left behind then: a read from a terminal cannot be called back.
func readAnswer(ctx context.Context, from io.Reader) string {
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(from).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		return line
	case <-ctx.Done():
		return ""
	}
}

func (f applyFlags) progress(cmd *cobra.Command) func(string) { return progress(cmd, *f.asJSON) }

// progress says each step on a terminal.
func progress(cmd *cobra.Command, asJSON bool) func(string) {
	w := cmd.ErrOrStderr()
	if asJSON || !isTerminal(w) {
		return func(string) {}
	}
	return func(step string) { fmt.Fprintf(w, "… %s\n", step) }
}
