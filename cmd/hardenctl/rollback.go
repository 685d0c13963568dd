package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/internal/host/generation"
)

func newRollback() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback [GENERATION]",
		Short: "Go back to what an earlier apply made of this host",
		Long: `Plan, ask, and apply, as apply does, but from a generation: the bundle of an
earlier apply, which hardenctl keeps (see hardenctl history). No profile is
needed, and none is changed: mend yours too. Until a person says yes to an apply
on a terminal, or --after-rollback, every apply is refused, also one of cron or
Ansible: it might undo the rollback.

Without a number it goes back to the generation before the newest one: it undoes
the last apply, and called again it undoes itself. A rollback that changes
something makes a generation of its own, which says where it came from.

Generation 0 is what the host had before hardenctl: its policies, the values of
the kernel settings that hardenctl has changed, and the files that it boots from.
Rules and sets of others stay as they are now. A rollback of the first apply goes
there too.

It exits as apply does.`,
		Example: `  hardenctl rollback
  hardenctl rollback 3
  hardenctl rollback 0  # to what the host had before hardenctl
  hardenctl rollback 3 --auto-approve --json`,
		Args: cobra.MatchAll(cobra.MaximumNArgs(1), generationArg),
	}
	flags := newApplyFlags(cmd)
	flags.load = func(_ *cobra.Command, args []string, _ bool) (target, error) { return loadGeneration(args) }
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args) }
	return cmd
}

// loadGeneration returns what the named generation made of the host, or the one
// before the newest.
func loadGeneration(args []string) (target, error) {
	number, err := chosenGeneration(args)
	if err != nil {
		return target{}, err
	}
	if number == 0 {
		b, err := generation.Host.Before()
		if err != nil {
			return target{}, fmt.Errorf("cannot go back to what the host had before hardenctl: %w", err)
		}
		return target{bundle: b}, nil
	}
	kept, err := generation.Host.Open(number)
	if err != nil {
		return target{}, fmt.Errorf("cannot go back to generation %d: %w; hardenctl history lists the generations", number, err)
	}
	return target{bundle: kept.Bundle, sources: kept.Texts, from: number}, nil
}

func chosenGeneration(args []string) (int, error) {
	if len(args) == 0 {
		return generation.Host.Previous()
	}
	return strconv.Atoi(args[0])
}

// generationArg refuses what is no number of a generation, before anything is read.
func generationArg(_ *cobra.Command, args []string) error {
	for _, word := range args {
		if n, err := strconv.Atoi(word); err != nil || n < 0 {
			return fmt.Errorf("%q is not the number of a generation; hardenctl history lists the generations", word)
		}
	}
	return nil
}
