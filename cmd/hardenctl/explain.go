package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/subject"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
)

type explainFlags struct {
	rules, sets *string
	asJSON      *bool
	allowed     *[]string
}

func newExplain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain PACKET [PROFILE]",
		Short: "Say what the rules do with a packet",
		Long: `Say whether the rules accept a packet, which rules it meets, and on what the answer
depends: bans, limits, lists, and what is not stated of the packet. No packet is
sent. explain needs no root, no network and no firewall tools.

PACKET is PROTOCOL SOURCE -> DESTINATION, then words. Put it in quotes.
  tcp, udp, icmp, icmpv6 or a number     the protocol
  192.0.2.7:40000, [2001:db8::7]:53      an address and a port
  :22, 192.0.2.7, *                      a port or an address alone, or any
  syn, ack, fin, rst, psh, urg, none     the TCP flags; the default is syn
  echo-request, type 3/1                 the ICMP type and code
  new, established, related, invalid     what conntrack knows; the default is new
  in eth0, out eth1                      the interfaces; with both, the packet is
                                         forwarded; with "out" alone, this host sends it
A line that the target LOG wrote to the kernel's log is a PACKET too.

With --rules, the rules are what iptables-save printed (for a packet of IPv6, what
ip6tables-save printed) and the sets what ipset save printed. Without --sets, the
members of all sets are unknown, and the answer names them.`,
		Example: `  hardenctl explain "tcp 192.0.2.7:40000 -> :22 syn" builtin:server
  hardenctl explain "tcp [2001:db8::7]:40000 -> :443" web.toml
  hardenctl explain "icmp 192.0.2.7 -> * type 3/4 related" web.toml --json
  hardenctl explain "udp 192.0.2.7:53 -> :40000" --rules rules.v4 --sets ipsets  # of any host`,
		Args: cobra.RangeArgs(1, 2),
	}
	flags := explainFlags{
		rules:   cmd.Flags().String("rules", "", "file with the output of iptables-save, instead of PROFILE"),
		sets:    cmd.Flags().String("sets", "", "file with the output of ipset save, for --rules"),
		asJSON:  cmd.Flags().Bool("json", false, "print the explanation as JSON"),
		allowed: option.Allow(cmd),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args[0], args[1:]) }
	return cmd
}

func (f explainFlags) run(cmd *cobra.Command, packet string, profile []string) error {
	p, err := exact.ParsePacket(packet)
	if err != nil {
		return err
	}
	s, err := opened(cmd, profile, *f.rules, *f.sets, func() (*answer.Subject, error) { return subject.Dump(*f.rules, *f.sets, p.Family) },
		func() (*answer.Subject, error) { return subject.Profile(cmd, profile, *f.allowed, *f.asJSON) })
	if err != nil {
		return err
	}
	v, err := s.Explain(p)
	if err != nil {
		return err
	}
	if *f.asJSON {
		return terminal.JSON(cmd.OutOrStdout(), v)
	}
	return v.Print(cmd.OutOrStdout())
}

// opened is what a command with --rules and PROFILE is about.
func opened(cmd *cobra.Command, profile []string, rules, sets string, dump, compiled func() (*answer.Subject, error)) (*answer.Subject, error) {
	for _, flag := range []string{"rules", "sets"} {
		if err := option.RefuseEmpty(cmd, flag); err != nil {
			return nil, err
		}
	}
	switch {
	case rules != "" && len(profile) > 0:
		return nil, errors.New("--rules and PROFILE cannot be used together: remove one")
	case rules == "" && sets != "":
		return nil, errors.New("--sets is for --rules; a profile has its own sets")
	case rules != "":
		return dump()
	}
	return compiled()
}
