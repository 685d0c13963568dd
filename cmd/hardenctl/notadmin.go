package main

import (
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/netset"
)

// notAdminFlag adds --not-an-admin, for addresses of which the guard cannot know
// whether somebody has logged in from there.
func notAdminFlag(cmd *cobra.Command) *[]string {
	return cmd.Flags().StringSlice("not-an-admin", nil, "an address, or a network, that is connected and need not get in")
}

// notAdmins reads the flag.
func notAdmins(words []string) (netset.Set, error) {
	var all []netip.Prefix
	for _, word := range words {
		p, err := netip.ParsePrefix(word)
		if a, failed := netip.ParseAddr(word); failed == nil {
			a = a.Unmap().WithZone("")
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return netset.Set{}, fmt.Errorf("--not-an-admin: %q is not an address or a network, such as 203.0.113.66 or 203.0.113.0/24", word)
		}
		all = append(all, p.Masked())
	}
	return netset.Of(all...), nil
}
