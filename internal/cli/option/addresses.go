package option

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hardenctl/hardenctl/compiler/netset"
)

// Addresses is the value of a flag that takes addresses and networks. They are read
// with the command line, before anything else is done.
type Addresses struct {
	All   netset.Set
	words []string // as they were typed
}

// NotAdmin adds --not-an-admin, for addresses of which the guard cannot know
// whether somebody has logged in from there.
func NotAdmin(cmd *cobra.Command) *Addresses {
	var left Addresses
	cmd.Flags().Var(&left, "not-an-admin", "connected address or network that does not belong to an admin")
	return &left
}

// Set adds what a flag was given: one, or several between commas.
func (a *Addresses) Set(value string) error {
	for word := range strings.SplitSeq(value, ",") {
		p, err := netip.ParsePrefix(word)
		if one, failed := netip.ParseAddr(word); failed == nil {
			one = one.Unmap().WithZone("")
			p, err = netip.PrefixFrom(one, one.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("%q is not an address or a network, such as 203.0.113.66 or 203.0.113.0/24", word)
		}
		a.All = a.All.Union(netset.Of(p.Masked()))
		a.words = append(a.words, word)
	}
	return nil
}

// String returns what was given.
func (a *Addresses) String() string { return strings.Join(a.words, ",") }

// Type is what help calls the value.
func (a *Addresses) Type() string { return "addresses" }
