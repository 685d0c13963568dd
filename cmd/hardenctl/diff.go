package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/internal/cli/exitcode"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/subject"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
)

type diffFlags struct {
	setsA, setsB *string
	live         *bool
	asJSON       *bool
	allowed      *[]string
}

func newDiff() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Say which packets two profiles decide differently",
		Long: `Compare what two sets of rules mean, not how they are written. diff says which
packets are newly accepted, no longer accepted or answered differently, with an
example and the rules that decide it on both sides; and which packets are counted
differently: put into other sets, such as that of bans. It looks at every packet, in
every state of bans, limits, lists and connections. No packet is sent. diff needs
no root, no network and no firewall tools, but for --live.

A and B are each a profile, the folder of a bundle, a file that iptables-save or
ip6tables-save printed, or the number of a generation (see hardenctl history), which
only root can read. Families that only one of them has are not compared.
Without --sets-a or --sets-b, the members of the sets of a dump are unknown: sets of
one name are then taken for the same in both.

With --live, A is this host as it is, rules of other programs included, and only B is
stated: diff --live 4 says what was changed by others since generation 4. What an apply
would change is said by hardenctl plan, which knows that rules of others stay. --live
needs root. It changes nothing.`,
		Example: `  hardenctl diff builtin:server builtin:web
  hardenctl diff web.toml new.toml --json
  hardenctl diff 3 4  # two generations of this host
  hardenctl diff rules.v4 web.toml --sets-a ipsets  # of any host
  hardenctl diff --live 4  # what has changed on this host since generation 4`,
	}
	flags := diffFlags{
		setsA:   cmd.Flags().String("sets-a", "", "file with the output of ipset save, for A"),
		setsB:   cmd.Flags().String("sets-b", "", "file with the output of ipset save, for B"),
		live:    cmd.Flags().Bool("live", false, "A is this host as it is (needs root); state B only"),
		asJSON:  cmd.Flags().Bool("json", false, "print the differences as JSON"),
		allowed: option.Allow(cmd),
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if *flags.live {
			return cobra.ExactArgs(1)(cmd, args)
		}
		return cobra.ExactArgs(2)(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args) }
	return cmd
}

func (f diffFlags) run(cmd *cobra.Command, args []string) error {
	if err := errors.Join(option.RefuseEmpty(cmd, "sets-a"), option.RefuseEmpty(cmd, "sets-b")); err != nil {
		return err
	}
	before, err := f.before(cmd, args[0])
	if err != nil {
		return err
	}
	after, err := subject.Named(cmd, args[len(args)-1], *f.setsB, *f.allowed, *f.asJSON)
	if err != nil {
		return err
	}
	v, err := answer.Diff(before, after)
	if err != nil {
		return err
	}
	if *f.asJSON {
		err = terminal.JSON(cmd.OutOrStdout(), v)
	} else {
		err = v.Print(cmd.OutOrStdout())
	}
	if err == nil && !v.Equal {
		return exitcode.ExitError{Code: exitcode.Changes}
	}
	return err
}

// before opens A.
func (f diffFlags) before(cmd *cobra.Command, a string) (*answer.Subject, error) {
	switch {
	case *f.live && *f.setsA != "":
		return nil, errors.New("--live reads the sets of this host: remove --sets-a")
	case *f.live:
		return subject.Live(cmd)
	}
	return subject.Named(cmd, a, *f.setsA, *f.allowed, *f.asJSON)
}
