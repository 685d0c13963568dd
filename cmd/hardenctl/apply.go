package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/change"
	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/source"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

const applyLong = `Show the plan, ask for a yes, and apply the plan. apply loads sets, then rules,
then kernel settings. It reads everything back and compares it. Then it writes the
files that the host boots from. If any step fails, apply undoes all steps.

Before apply changes anything, it checks for a lockout. In a throwaway network it
tests with real packets that every admin can still log in: you, everyone else who
is logged in, and the profile's admin addresses. It also tests that open
connections stay open. If a test fails, apply stops. If no admin session or admin
address is known, apply stops. --no-guard skips this check. Use --no-guard at a
console, where no address can be locked out.

For sshd and dropbear, apply knows who has logged in. For other servers of an
admin service, such as a panel, it does not: every connected address must still get
in, but none of them counts as a known admin. Neither does a login from this host
itself. The error message says so. If such an address is not an admin, name it
with --not-an-admin ADDRESS (or a network). The check still covers all others.

With --confirm-within the new state is on trial, and nothing is saved. Open a new
SSH session and run there the command that apply prints: hardenctl confirm TOKEN.
If you do not confirm in time, the kernel restores the old rules, even if
hardenctl, your shell or your connection has died. A watchdog restores what the
kernel cannot restore, or else the next hardenctl command does. The default is
60s; on a local console it is 0, which confirms at once. On a terminal, apply
shows how many seconds are left. Ctrl-C ends this display, not the trial.

apply refuses a saved plan if the host has changed since the plan was saved. It
refuses your answer if the host or the profile has changed while you read the
plan. No lock is held while you read. If another apply is running or on trial,
apply waits for it, at most --lock-timeout.

After a rollback, the profile on disk is most likely still the one that you rolled
back. So apply refuses until a person answers yes on a terminal, or passes
--after-rollback with the number of the rollback. --auto-approve alone is not
enough. It is also not enough for a profile whose trial was not confirmed: apply
that profile on trial again.

With --json, apply prints one object: the fields of a plan, "applied", "reverted",
and "generation" (the number of the new one). After a failure it has "step" and
"error". During a trial it has "trial" with "token", "deadline" (RFC 3339) and
"seconds".`

func newApply() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply [PROFILE | --plan FILE]",
		Short: "Change this host to match a profile, completely or not at all",
		Long:  applyLong,
		Example: `  hardenctl apply web.toml
  hardenctl apply web.toml --auto-approve
  hardenctl apply web.toml --auto-approve --confirm-within 2m
  hardenctl apply web.toml --not-an-admin 203.0.113.66  # connected to a panel, but no admin
  hardenctl apply web.toml --auto-approve --json  # in a script: confirm .trial.token from a new SSH session
  hardenctl apply --plan web.plan`,
		Args: cobra.MaximumNArgs(1),
	}
	saved := cmd.Flags().String("plan", "", "apply the plan saved in this file (by plan -o)")
	allowed := option.Allow(cmd)
	flags := change.NewFlags(cmd)
	flags.AfterRollback = change.AfterRollbackFlag(cmd)
	var planned host.Target
	flags.Early = func(cmd *cobra.Command, args []string) (err error) {
		if *saved != "" {
			planned, err = loadSaved(*saved)
			return err
		}
		_, err = loadProfile(cmd, args, *allowed, *flags.AsJSON, true)
		return err
	}
	flags.Load = func(cmd *cobra.Command, args []string) (host.Target, error) {
		if *saved != "" {
			return planned, nil
		}
		return loadProfile(cmd, args, *allowed, *flags.AsJSON, false)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := option.RefuseEmpty(cmd, "plan"); err != nil {
			return err
		}
		if *saved != "" && len(args) > 0 {
			return errors.New("name a profile or a saved plan, not both")
		}
		return flags.Run(cmd, args)
	}
	return cmd
}

// loadSaved takes a saved plan, which is root's orders like a profile.
func loadSaved(path string) (host.Target, error) {
	err := safepath.Trusted(path)
	if errors.Is(err, fs.ErrNotExist) {
		return host.Target{}, fmt.Errorf("%s: no such file; save a plan first: hardenctl plan -o %[1]s", path)
	}
	if err != nil {
		return host.Target{}, fmt.Errorf("users other than root can change this plan: %w; save it again in a folder that only root can write to, such as /root", err)
	}
	saved, err := host.LoadPlan(path)
	if err != nil {
		return host.Target{}, err
	}
	return host.Target{Bundle: saved.Bundle(), Saved: saved, Sources: saved.Sources, Command: local.CommandLine()}, nil
}

// loadProfile compiles a profile: early, before the lock is held, with warnings, and
// again while it is held.
func loadProfile(cmd *cobra.Command, args, allowed []string, asJSON, early bool) (host.Target, error) {
	s, err := source.Open(args, allowed)
	if err != nil {
		return host.Target{}, err
	}
	s.Live, s.Early, s.Quiet = true, early, !early
	b, err := s.Compile(cmd, asJSON)
	return host.Target{Bundle: b, Sources: s.Read, Command: local.CommandLine()}, err
}
