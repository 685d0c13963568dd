package main

import (
	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/subject"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
)

func newReach() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reach [PROFILE]",
		Short: "Say who reaches which port",
		Long: `List what the rules accept from other hosts: for each port the sources, and the
states of bans, limits and lists in which they are refused. It counts what begins a
connection, and packets that belong to none; open connections are left out. Packets
that go to a target of which the rules do not say what it does, such as DNAT, are
listed apart, as not decided. No packet is sent. reach needs no root, no network and
no firewall tools, but for --live.

With --rules, the rules are what iptables-save or ip6tables-save printed, and the sets
what ipset save printed.

With --live, the rules are those of this host, rules of other programs included. Those
who are in its sets now, such as banned sources, are in the answer as if they stayed
there. --live needs root. It changes nothing.`,
		Example: `  hardenctl reach builtin:web
  hardenctl reach web.toml --port tcp/22
  hardenctl reach web.toml --from 192.0.2.7 --json
  hardenctl reach --rules rules.v4 --sets ipsets  # of any host
  hardenctl reach --live --port tcp/22`,
		Args: cobra.MaximumNArgs(1),
	}
	rules := newSubjectFlags(cmd)
	from := cmd.Flags().String("from", "", "only what this address reaches")
	port := cmd.Flags().String("port", "", "only this port, such as tcp/22")
	asJSON := cmd.Flags().Bool("json", false, "print the list as JSON")
	allowed := option.Allow(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := rules.open(cmd, args, 0, func() (*answer.Subject, error) { return subject.Profile(cmd, args, *allowed, *asJSON) })
		if err != nil {
			return err
		}
		v, err := s.Reach(*from, *port)
		if err != nil {
			return err
		}
		if *asJSON {
			return terminal.JSON(cmd.OutOrStdout(), v)
		}
		return v.Print(cmd.OutOrStdout())
	}
	return cmd
}
