package main

import (
	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/internal/cli/option"
	"github.com/hardenctl/hardenctl/internal/cli/subject"
	"github.com/hardenctl/hardenctl/internal/cli/terminal"
)

type explainFlags struct {
	from    *subjectFlags
	asJSON  *bool
	allowed *[]string
}

func newExplain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain PACKET [PROFILE]",
		Short: "Say what the rules do with a packet",
		Long: `Say whether the rules accept a packet, which rules it meets, and on what the answer
depends: bans, limits, lists, and what is not stated of the packet. No packet is
sent. explain needs no root, no network and no firewall tools, but for --live.

PACKET is PROTOCOL SOURCE -> DESTINATION, then words. Put it in quotes.
  tcp, udp, icmp, icmpv6 or a number     the protocol
  192.0.2.7:40000, [2001:db8::7]:53      an address and a port
  :22, 192.0.2.7, *                      a port or an address alone, or any
  syn, ack, fin, rst, psh, urg, none     the TCP flags; the default is syn
  echo-request, type 3/1                 the ICMP type and code
  new, established, related, invalid     what conntrack knows; the default is new
  in eth0, out eth1                      the interfaces; with both, the packet is
                                         forwarded; with "out" alone, this host sends it
A line that the target LOG wrote to the kernel's log is a PACKET too, and so is a
member of a set as "ipset list" prints it: that is a packet from this source.

With --rules, the rules are what iptables-save printed (for a packet of IPv6, what
ip6tables-save printed) and the sets what ipset save printed. Without --sets, the
members of all sets are unknown, and the answer names them.

With --live, the rules are those of this host, rules of other programs included, and
the sets have the members that they have now: the answer names the sets in which the
packet is. --live needs root. It changes nothing.`,
		Example: `  hardenctl explain "tcp 192.0.2.7:40000 -> :22 syn" builtin:server
  hardenctl explain "tcp [2001:db8::7]:40000 -> :443" web.toml
  hardenctl explain "icmp 192.0.2.7 -> * type 3/4 related" web.toml --json
  hardenctl explain "udp 192.0.2.7:53 -> :40000" --rules rules.v4 --sets ipsets  # of any host
  hardenctl explain "203.0.113.7 timeout 3588" --live  # what becomes of a banned source
  hardenctl explain "tcp 192.0.2.7:40000 -> :22" --live --json`,
		Args: cobra.RangeArgs(1, 2),
	}
	flags := explainFlags{
		from:    newSubjectFlags(cmd),
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
	s, err := f.from.open(cmd, profile, p.Family, func() (*answer.Subject, error) { return subject.Profile(cmd, profile, *f.allowed, *f.asJSON) })
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
