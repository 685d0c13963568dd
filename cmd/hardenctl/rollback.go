package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/cli/change"
	"github.com/hardenctl/hardenctl/internal/cli/local"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/generation"
)

func newRollback() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback [GENERATION]",
		Short: "Restore an earlier generation of this host",
		Long: `Show the plan, ask for a yes, and apply the plan, as apply does. But rollback
restores a generation: the bundle of an earlier apply (see hardenctl history). It
does not read or change the profile on disk. Fix the profile too: until a person
answers yes on a terminal, or passes --after-rollback, every apply is refused, also
from cron or Ansible, because it may undo the rollback.

Without a number, rollback restores the generation before the newest. So it undoes
the last apply, and a second rollback undoes the first. A rollback that changes
something makes a new generation.

Generation 0 is the state before hardenctl: its chain policies, the old values of
the kernel settings that hardenctl changed, and the old boot files. Rules and sets
that hardenctl does not own stay as they are. A rollback of generation 1 also
restores generation 0.`,
		Example: `  hardenctl rollback
  hardenctl rollback 3
  hardenctl rollback 0  # restore the state before hardenctl
  hardenctl rollback 3 --auto-approve --json`,
		Args: cobra.MatchAll(cobra.MaximumNArgs(1), generationArg),
	}
	flags := change.NewFlags(cmd)
	flags.Early = func(_ *cobra.Command, args []string) (err error) {
		if len(args) > 0 { // which one is the newest is known while the lock is held
			_, err = loadGeneration(args)
		}
		return err
	}
	flags.Load = func(_ *cobra.Command, args []string) (host.Target, error) { return loadGeneration(args) }
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return flags.Run(cmd, args) }
	return cmd
}

// loadGeneration returns what the named generation made of the host, or the one
// before the newest.
func loadGeneration(args []string) (host.Target, error) {
	number, err := chosenGeneration(args)
	if err != nil {
		return host.Target{}, err
	}
	if number == 0 {
		b, err := local.Host.Generations.Before()
		if err != nil {
			return host.Target{}, fmt.Errorf("cannot restore the state before hardenctl: %w", err)
		}
		return host.Target{Bundle: b, Command: local.CommandLine()}, nil
	}
	kept, err := local.Host.Generations.Open(number)
	if errors.Is(err, generation.ErrNone) {
		return host.Target{}, fmt.Errorf("no generation %d; `hardenctl history` lists them", number)
	}
	if err != nil {
		return host.Target{}, fmt.Errorf("cannot restore generation %d: %w; `hardenctl history` lists the others", number, err)
	}
	return host.Target{Bundle: kept.Bundle, Sources: kept.Texts, From: number, Command: local.CommandLine()}, nil
}

func chosenGeneration(args []string) (int, error) {
	if len(args) == 0 {
		return local.Host.Generations.Previous()
	}
	return strconv.Atoi(args[0])
}

// generationArg refuses what is not a number of a generation, before anything is read.
func generationArg(_ *cobra.Command, args []string) error {
	for _, word := range args {
		if n, err := strconv.Atoi(word); err != nil || n < 0 {
			return fmt.Errorf("%q is not a generation number; `hardenctl history` lists them", word)
		}
	}
	return nil
}
